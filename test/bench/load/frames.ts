// MQTT 3.1.1 frames, written by hand: only what the load generator says and hears.

/** What a client says of itself in CONNECT. */
export interface Account {
  clientId: string;
  username?: string;
  password?: string;
  clean: boolean;
}

/** Seconds. Not 0, which some servers refuse, and long enough that no PINGREQ is ever due. */
const keepAlive = 3600;

/** A number of bytes as the remaining length field (MQTT 2.2.3): one to four bytes. */
export function remainingLength(length: number): number[] {
  const bytes: number[] = [];
  do {
    const low = length % 128;
    length = Math.floor(length / 128);
    bytes.push(length > 0 ? low | 0x80 : low);
  } while (length > 0);
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const out = Buffer.allocUnsafe(2 + bytes.length);
  out.writeUInt16BE(bytes.length, 0);
  bytes.copy(out, 2);
  return out;
}

function frame(first: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([first, ...remainingLength(body.length)]), body]);
}

export function connectFrame(account: Account): Buffer {
  const flags =
    (account.clean ? 0x02 : 0) | (account.username !== undefined ? 0x80 : 0) | (account.password !== undefined ? 0x40 : 0);
  const parts = [string('MQTT'), Buffer.from([4, flags, keepAlive >> 8, keepAlive & 0xff]), string(account.clientId)];
  if (account.username !== undefined) parts.push(string(account.username));
  if (account.password !== undefined) parts.push(string(account.password));
  return frame(0x10, ...parts);
}

/** SUBSCRIBE to one filter at QoS 1. */
export function subscribeFrame(packetId: number, filter: string): Buffer {
  return frame(0x82, Buffer.from([packetId >> 8, packetId & 0xff]), string(filter), Buffer.from([1]));
}

export const disconnectFrame = Buffer.from([0xe0, 0]);

/**
 * The payload that every message of a run is a copy of. `body` is the place of the 200 bytes that are the message itself:
 * they begin with the running number (4 bytes) and the time of sending (8 bytes), so that the receiver knows both.
 * `id` is the place of the 16 bytes of the message's id, where the payload has one.
 */
export interface Payload {
  /** Hexadecimal. */
  bytes: string;
  body: number;
  id?: number;
}

export const bodyBytes = 200;

/** A PUBLISH QoS 1 that is copied and patched for each message, so that sending one costs no encoding. */
export class PublishTemplate {
  private readonly bytes: Buffer;
  private readonly packetIdAt: number;
  private readonly bodyAt: number;
  private readonly idAt: number;
  readonly length: number;

  /** `stream` tells the ids of this template from those of all others of a run. */
  constructor(topic: string, payload: Payload, stream: number, nowMs: number) {
    const head = string(topic);
    const content = Buffer.from(payload.bytes, 'hex');
    const bytes = frame(0x32, head, Buffer.alloc(2), content);
    const payloadAt = bytes.length - content.length;
    this.bytes = bytes;
    this.length = bytes.length;
    this.packetIdAt = payloadAt - 2;
    this.bodyAt = payloadAt + payload.body;
    this.idAt = payload.id === undefined ? -1 : payloadAt + payload.id;
    if (this.idAt >= 0) {
      bytes.writeUIntBE(nowMs, this.idAt, 6);
      bytes.writeUInt16BE(stream, this.idAt + 6);
    }
  }

  /** Writes one PUBLISH. Ids rise with `number`, as those of a ULID factory do. */
  write(target: Buffer, at: number, packetId: number, number: number, sentAt: number): void {
    target.set(this.bytes, at);
    target[at + this.packetIdAt] = packetId >> 8;
    target[at + this.packetIdAt + 1] = packetId & 0xff;
    target.writeUInt32BE(number, at + this.bodyAt);
    target.writeDoubleBE(sentAt, at + this.bodyAt + 4);
    if (this.idAt >= 0) target.writeUInt32BE(number, at + this.idAt + 12);
  }
}

/** Where a whole frame's content begins and ends; filled by `readHeader`, which allocates nothing. */
export interface Header {
  start: number;
  end: number;
}

/** Reads the fixed header at `at`. False: more bytes are needed. */
export function readHeader(buffer: Uint8Array, at: number, end: number, into: Header): boolean {
  let length = 0;
  let place = at + 1;
  for (let shift = 0; ; shift += 7) {
    if (shift > 21) throw new Error('malformed remaining length');
    if (place >= end) return false;
    const byte = buffer[place++];
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  into.start = place;
  into.end = place + length;
  return into.end <= end;
}
