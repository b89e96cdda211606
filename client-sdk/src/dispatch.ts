import { Code, codeName, fromBinary, parseDeliveryTopic, ReceiptSchema, ResultSchema, TypingSchema } from 'godwit-schemas';
import type { Calls } from './calls.js';
import type { Controls } from './controls.js';
import type { Deliveries } from './deliveries.js';
import type { Emitter } from './emitter.js';
import type { Inbox } from './inbox.js';
import type { Link } from './link.js';
import type { Debug } from './options.js';
import type { Outbox } from './outbox.js';
import type { Presence } from './presence.js';
import { applyReceipt, type ReceiptHooks } from './receipts.js';
import type { Connection, Packet } from './transport.js';

export interface Receivers {
  readonly inbox: Inbox;
  readonly deliveries: Deliveries;
  readonly outbox: Outbox;
  readonly controls: Controls;
  readonly calls: Calls;
  readonly presence: Presence;
  readonly emitter: Emitter;
  readonly receipts: ReceiptHooks;
  readonly link: Link;
  readonly debug: Debug;
}

/** Results that are about the connection: it is closed after them. */
const endings: ReadonlySet<Code> = new Set([Code.TAKEN_OVER, Code.REVOKED, Code.UNAUTHENTICATED, Code.SHUTTING_DOWN]);

/** Gives every delivery to whom it is for. */
export function dispatch(packet: Packet, connection: Connection, to: Receivers): void {
  const topic = parseDeliveryTopic(packet.topic);
  const { payload, packetId } = packet;
  if (topic?.kind === 'msg' || topic?.kind === 'feed') {
    to.inbox.push({ connection, packetId, shown: true, apply: (tx) => to.deliveries.apply(packet, tx) });
    return;
  }
  try {
    if (topic?.kind === 'receipt') {
      const receipt = fromBinary(ReceiptSchema, payload);
      to.inbox.push({ connection, packetId, apply: (tx) => applyReceipt(receipt, tx, to.receipts) });
      return;
    }
    if (topic?.kind === 'result') result(payload, connection, to);
    else if (topic?.kind === 'rpc') to.calls.arrived(payload);
    else if (topic?.kind === 'presence') to.presence.arrived(topic.user, payload);
    else if (topic?.kind === 'typing') {
      const { conversation, from } = fromBinary(TypingSchema, payload);
      to.emitter.emit({ type: 'typing', conversation, from });
    } else throw new Error('nothing that Godwit sends');
    if (packetId !== 0) connection.acknowledge([packetId]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    to.inbox.push({ connection, packetId, shown: true, apply: async (tx) => to.deliveries.keepUndecodable(packet, reason, tx) });
  }
}

function result(payload: Uint8Array, connection: Connection, { outbox, inbox, controls, link, debug }: Receivers): void {
  const result = fromBinary(ResultSchema, payload);
  if (result.id.length === 16) {
    const apply = outbox.arrived(result, connection);
    // It holds also when its connection is lost.
    if (apply) inbox.push({ apply: async (tx) => apply(tx) });
  } else if (result.packetId === 0 && endings.has(result.code)) {
    link.ended(result.code, result.text);
  } else if (!controls.arrived(result)) {
    debug({ what: 'a result of nothing that we sent', code: codeName(result.code), packetId: result.packetId });
  }
}
