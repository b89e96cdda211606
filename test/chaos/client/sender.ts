import type { Packet } from 'mqtt-packet';
import { Code, codeName, create, isRetry, MessageSchema, toBinary, type Result } from 'godwit-schemas';
import { bodyOf } from '../body.js';
import { topicTo } from '../groups.js';
import type { ToWrite, Written } from '../journal.js';
import type { Connection } from './connection.js';
import { Outbox, type Outgoing } from './outbox.js';

/** Publishes of messages without a PUBACK at once. */
const WINDOW = 40;

/** Something at QoS 1 or 2 that waits for its PUBACK or PUBREC on this connection. */
interface Waiting {
  qos: 1 | 2;
  message?: Outgoing;
  refused?: Code;
  /** Of other publishes than messages. */
  /** `settled`: it was accepted, or refused for good. */
  done?: (accepted: boolean, settled: boolean) => void;
}

/** Who is not, or no more, in a group is told so. */
export function mayReject(to: string, code: Code): boolean {
  return to.startsWith('g:') && (code === Code.UNKNOWN_CONVERSATION || code === Code.NOT_ALLOWED);
}

/**
 * The sending half of a chat device: the outbox, and what the protocol promises a sender. Each Result before its
 * PUBACK on the same connection, PUBACKs in the order of the publishes (MQTT-4.6.0-2), PUBRECs likewise
 * (MQTT-4.6.0-3).
 */
export class Sender {
  readonly outbox: Outbox;
  private connection: Connection | undefined;
  private readonly waiting = new Map<number, Waiting>();
  /** QoS 2 publishes that the server has and that are not completed: packet id → token. */
  private readonly released = new Map<number, string>();

  constructor(pushy: boolean, private readonly write: (entry: ToWrite) => void, private readonly broken: (rule: string) => void) {
    this.outbox = new Outbox(pushy);
  }

  get open(): number {
    return this.outbox.size + this.released.size + this.waiting.size;
  }

  /** Everything that was written and not acknowledged is in the outbox again. */
  recall(entries: readonly Written[]): void {
    const open = new Map<string, Outgoing>();
    for (const entry of entries) {
      if (entry.what === 'sent') {
        const { token, id, conversation, to, expiresInS, qos } = entry;
        open.set(token, { token, id, conversation, to, expiresInS, qos, inFlight: false, tried: false, handshake: 0, resend: false, result: undefined });
      } else if (entry.what === 'acknowledged' || entry.what === 'rejected') open.delete(entry.token);
      else if (entry.what === 'handshake') this.recallHandshake(entry.token, entry.packetId, entry.step, open.get(entry.token));
    }
    for (const message of open.values()) this.outbox.add(message);
  }

  say(message: Pick<Outgoing, 'token' | 'id' | 'conversation' | 'to' | 'expiresInS' | 'qos'>): void {
    const { token, conversation, to, id, qos, expiresInS } = message;
    this.write({ what: 'sent', token, conversation, to, id, qos, expiresInS, packetId: 0 });
    this.outbox.add({ ...message, inFlight: false, tried: false, handshake: 0, resend: false, result: undefined });
    this.flush();
  }

  /** Publishes at QoS 1 something that is no message. */
  publish(topic: string, payload: Uint8Array, retain: boolean, done: (accepted: boolean, settled: boolean) => void): void {
    const { connection } = this;
    if (!connection) return done(false, false);
    const packetId = connection.packetId();
    this.waiting.set(packetId, { qos: 1, done });
    connection.publish(topic, payload, 1, packetId, { retain });
  }

  ready(connection: Connection): void {
    this.connection = connection;
    for (const { handshake } of this.outbox.messages()) if (handshake > 0) connection.busyPacketIds.add(handshake);
    for (const packetId of this.released.keys()) {
      connection.busyPacketIds.add(packetId);
      connection.send({ cmd: 'pubrel', messageId: packetId } as Packet);
    }
    this.flush();
  }

  lost(): void {
    this.connection = undefined;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    this.outbox.disconnected();
    for (const { done } of waiting) done?.(false, false);
  }

  /** Sends what is due. */
  flush(): void {
    const { connection } = this;
    if (!connection) return;
    for (const message of this.outbox.due(Date.now(), WINDOW)) {
      const payload = toBinary(MessageSchema, create(MessageSchema, { id: Buffer.from(message.id, 'hex'), body: bodyOf(message.token), expiresInS: message.expiresInS }));
      const packetId = message.handshake || connection.packetId();
      if (message.qos === 2 && !message.resend) {
        message.handshake = packetId;
        this.write({ what: 'handshake', token: message.token, packetId, step: 'begun' });
      }
      this.waiting.set(packetId, { qos: message.qos, message });
      connection.publish(topicTo(message.to, false), payload, message.qos, packetId, { dup: message.resend });
    }
  }

  result(result: Result): void {
    const id = Buffer.from(result.id).toString('hex');
    if (id === '') return this.resultWithoutId(result);
    const message = this.outbox.get(id);
    if (!message?.inFlight) return this.broken(`a Result for a message that is not in flight: ${id}`);
    const { token } = message;
    message.result = { code: result.code, retryAfterMs: result.retryAfterMs };
    if (result.code === Code.OK) this.write({ what: 'accepted', token, seq: Number(result.seq) });
    else this.write({ what: 'refused', token, code: result.code });
  }

  acknowledged(kind: 'puback' | 'pubrec' | 'pubcomp', packetId: number): void {
    if (kind === 'pubcomp') return this.completed(packetId);
    const waiting = this.waiting.get(packetId);
    if (!waiting || (waiting.qos === 1) !== (kind === 'puback')) return this.broken(`a ${kind} for nothing that was published: ${packetId}`);
    for (const [first, { qos }] of this.waiting) {
      if (qos !== waiting.qos) continue;
      if (first !== packetId) this.broken(`a ${kind} out of the order of the publishes: ${packetId} before ${first}`);
      break;
    }
    this.waiting.delete(packetId);
    if (waiting.message) this.messageAcknowledged(waiting.message, packetId, kind);
    else this.otherAcknowledged(waiting);
    if (kind === 'puback') this.connection!.busyPacketIds.delete(packetId);
    this.flush();
  }

  private messageAcknowledged(message: Outgoing, packetId: number, kind: 'puback' | 'pubrec'): void {
    const { token, result, resend } = message;
    // A QoS 2 publish that the server has already is only finished; the Result came on an earlier connection.
    if (!result && !resend) this.broken(`a ${kind} without a Result before it: ${token}`);
    const rejected = result && result.code !== Code.OK && !isRetry(result.code);
    if (rejected && !mayReject(message.to, result.code)) this.broken(`refused for good, ${codeName(result.code)}: ${token}`);
    if (this.outbox.settle(message, Date.now())) this.write(rejected ? { what: 'rejected', token, code: result.code } : { what: 'acknowledged', token });
    if (kind === 'puback') return;
    this.write({ what: 'handshake', token, packetId, step: 'released' });
    this.released.set(packetId, token);
    this.connection!.send({ cmd: 'pubrel', messageId: packetId } as Packet);
  }

  private otherAcknowledged({ done, refused }: Waiting): void {
    const final = refused !== undefined && !isRetry(refused);
    // A reading in a group that the user was never in, or has been removed from.
    if (final && refused !== Code.UNKNOWN_CONVERSATION) this.broken(`a publish that is no message was refused for good: ${codeName(refused)}`);
    done!(refused === undefined, refused === undefined || final);
  }

  private completed(packetId: number): void {
    const token = this.released.get(packetId);
    if (token === undefined) return this.broken(`a PUBCOMP for nothing that was released: ${packetId}`);
    this.released.delete(packetId);
    this.connection!.busyPacketIds.delete(packetId);
    this.write({ what: 'handshake', token, packetId, step: 'done' });
  }

  private resultWithoutId({ code, packetId }: Result): void {
    const waiting = this.waiting.get(packetId);
    if (waiting && !waiting.message) waiting.refused = code;
    else if (packetId !== 0 || (code !== Code.TAKEN_OVER && code !== Code.SHUTTING_DOWN)) this.broken(`a Result ${codeName(code)} for packet ${packetId}`);
  }

  private recallHandshake(token: string, packetId: number, step: 'begun' | 'released' | 'done', message: Outgoing | undefined): void {
    if (step === 'begun' && message) {
      message.handshake = packetId;
      message.resend = true;
    } else if (step === 'released') {
      this.released.set(packetId, token);
      // Refused, and to be sent again as something new.
      if (message) Object.assign(message, { handshake: 0, resend: false, qos: 1 });
    } else if (step === 'done') this.released.delete(packetId);
  }
}
