import { fromBinary, MessageSchema, parseConversation, validUserId, type ConversationState, type Message as WireMessage } from 'godwit-schemas';
import { openBody } from './body.js';
import type { Cipher } from './cipher.js';
import { encodeEvent } from './content-encode.js';
import type { ClientEvent } from './events.js';
import { idText } from './ids.js';
import type { Messages } from './messages.js';
import type { Debug } from './options.js';
import { isFeed } from './places.js';
import { decodeRecord, encodeRecord, keys } from './records.js';
import type { StoredHead, StoredMessage } from './stored-message.js';
import type { Transaction } from './transaction.js';
import type { Packet } from './transport.js';

/** Payloads kept that were no message at all; then the oldest is written over. */
const undecodableKept = 100;

export interface DeliveryHooks {
  readonly cipher: Cipher;
  readonly debug: Debug;
  /** Shows something; with a place, until the app has dealt with it. */
  emit(event: ClientEvent, conversation?: string, seq?: number): void;
  /** The feed tells what is set of a conversation. */
  set(state: ConversationState, seq: number, tx: Transaction): Promise<void>;
  /** The feed has a gap. */
  missed(tx: Transaction): Promise<void>;
}

/** What a delivered Message does to the store: exactly once by (from, id), in order, with nothing missing unsaid. */
export class Deliveries {
  #undecodable = 0;

  constructor(
    private readonly hooks: DeliveryHooks,
    private readonly messages: Messages,
  ) {}

  async apply(packet: Packet, tx: Transaction): Promise<void> {
    const message = readMessage(packet.payload);
    if (typeof message === 'string') return this.keepUndecodable(packet, message, tx);
    const { conversation } = message;
    const seq = Number(message.seq);
    const place = tx.place(conversation);
    if (place.began && seq <= place.seq) {
      // The server did not get our PUBACK, or not to disk.
      this.hooks.debug({ what: 'delivered again', conversation, seq });
      return;
    }
    await this.#checkPlace(message, tx);
    place.seq = seq;
    place.began = true;
    if (message.event?.kind.case === 'gap') {
      const { from, reason } = message.event.kind.value;
      await this.#store(conversation, seq, gap(Number(from), reason), tx);
    } else {
      await this.#storeMessage(message, seq, tx);
    }
    if (isFeed(conversation)) await this.#feed(message, seq, tx);
  }

  async #feed({ event }: WireMessage, seq: number, tx: Transaction): Promise<void> {
    if (event?.kind.case === 'gap') await this.hooks.missed(tx);
    else if (event?.kind.case === 'feed' && event.kind.value.conversation) await this.hooks.set(event.kind.value.conversation, seq, tx);
  }

  async #storeMessage(message: WireMessage, seq: number, tx: Transaction): Promise<void> {
    const { conversation } = message;
    const head = headOf(message);
    const mark = await tx.get(keys.mark(conversation, head.from, head.id));
    if (mark && decodeRecord<{ seq: number }>(mark).head.seq === seq) return this.#showStored(conversation, seq, tx);
    if (mark) {
      // The server lost this message and was sent it again: we have it.
      this.hooks.debug({ what: 'dropped: the same message at another place', conversation, seq });
      this.#handed(conversation, seq, tx);
      return;
    }
    await this.#store(conversation, seq, await this.#stored(message, head), tx);
  }

  async #stored({ conversation, event, body }: WireMessage, head: Omit<StoredHead, 'kind'>): Promise<StoredMessage> {
    return event ? { head: { ...head, kind: 'event' }, bytes: encodeEvent(event) } : openBody(head, body, conversation, this.hooks.cipher);
  }

  /** It was fetched as something past before it came as something new. */
  async #showStored(conversation: string, seq: number, tx: Transaction): Promise<void> {
    const shown = await this.messages.shown(conversation, seq, tx);
    if (shown) tx.after(() => this.hooks.emit(shown, conversation, seq));
    else this.#handed(conversation, seq, tx);
  }

  /** Stores what lies before all that was delivered. What is there already stays. */
  async applyPast(message: WireMessage, tx: Transaction): Promise<void> {
    const { conversation } = message;
    const seq = Number(message.seq);
    if (await tx.get(keys.message(conversation, seq))) return;
    if (message.event?.kind.case === 'gap') {
      const { from, reason } = message.event.kind.value;
      await this.messages.add(conversation, seq, gap(Number(from), reason), tx);
      return;
    }
    const head = headOf(message);
    if (!message.event && (await tx.get(keys.mark(conversation, head.from, head.id)))) return;
    await this.messages.add(conversation, seq, await this.#stored(message, head), tx);
  }

  /** Every delivery is at `last + 1` or names `last` in `after`; a server that is behind us names less. */
  async #checkPlace(message: WireMessage, tx: Transaction): Promise<void> {
    const { conversation, seq, after, event } = message;
    const place = tx.place(conversation);
    const first = event?.kind.case === 'gap' ? event.kind.value.from : seq;
    const before = after > 0n ? Number(after) : Number(first) - 1;
    if (!place.began || before <= place.seq) return;
    await this.#store(conversation, before, gap(place.seq + 1, 'unexplained'), tx);
    if (isFeed(conversation)) await this.hooks.missed(tx);
  }

  async #store(conversation: string, seq: number, stored: StoredMessage, tx: Transaction): Promise<void> {
    const shown = await this.messages.add(conversation, seq, stored, tx);
    if (shown) tx.after(() => this.hooks.emit(shown, conversation, seq));
    else this.#handed(conversation, seq, tx);
  }

  /** A place with nothing to show. */
  #handed(conversation: string, seq: number, tx: Transaction): void {
    const place = tx.place(conversation);
    if (place.handed === seq - 1) place.handed = seq;
  }

  keepUndecodable({ topic, payload }: Packet, reason: string, tx: Transaction): void {
    const slot = this.#undecodable++ % undecodableKept;
    tx.put(keys.undecodable(slot), encodeRecord({ topic, reason }, payload));
    tx.after(() => this.hooks.emit({ type: 'undecodable', topic, bytes: payload, reason, message: undefined }));
  }
}

function gap(from: number, reason: NonNullable<StoredHead['gap']>['reason']): StoredMessage {
  const head = { kind: 'gap', id: '', from: '', device: '', sentAtMs: 0, flags: 0, expiresInS: 0, gap: { from, reason } } as const;
  return { head, bytes: new Uint8Array(0) };
}

function headOf(message: WireMessage): Omit<StoredHead, 'kind'> {
  return {
    id: message.id.length === 16 ? idText(message.id) : '',
    from: message.from,
    device: message.fromDevice,
    sentAtMs: Number(message.sentAtMs),
    flags: message.flags,
    expiresInS: message.expiresInS,
  };
}

/** The Message, or what is wrong with it. */
function readMessage(payload: Uint8Array): WireMessage | string {
  let message: WireMessage;
  try {
    message = fromBinary(MessageSchema, payload);
  } catch (error) {
    return `no message: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (!parseConversation(message.conversation)) return 'it names no conversation';
  if (message.seq < 1n || message.seq > BigInt(Number.MAX_SAFE_INTEGER)) return 'it has no place in its conversation';
  if (message.event) return message;
  if (message.id.length !== 16) return 'it has no id';
  return validUserId(message.from) ? message : 'it names no sender';
}
