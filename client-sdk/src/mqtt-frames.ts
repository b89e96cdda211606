import type { ConnectOptions, Packet } from './transport.js';

/**
 * MQTT 3.1.1 frames, as far as a client of Godwit needs them: no QoS 2.
 * @module
 */

const utf8 = new TextEncoder();
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** No packet of a server of Godwit is nearly as large. */
const mostBytes = 1 << 20;

export const pingreq = Uint8Array.of(0xc0, 0);
export const disconnect = Uint8Array.of(0xe0, 0);

/** CONNECT: a persistent session (MQTT-3.1). */
export function connectFrame({ clientId, username, password, keepaliveS, will }: ConnectOptions): Uint8Array {
  // User name, password, and not a clean session.
  const flags = 0xc0 | (will ? 0x04 | (will.retain ? 0x20 : 0) : 0);
  return frame(0x10, [
    Uint8Array.of(0, 4, 0x4d, 0x51, 0x54, 0x54, 4, flags, keepaliveS >> 8, keepaliveS & 255),
    ...field(utf8.encode(clientId)),
    ...(will ? [...field(utf8.encode(will.topic)), ...field(will.payload)] : []),
    ...field(utf8.encode(username)),
    ...field(utf8.encode(password)),
  ]);
}

/** PUBLISH; packet id 0: QoS 0 (MQTT-3.3). */
export function publishFrame(topic: string, payload: Uint8Array, packetId: number, retain: boolean): Uint8Array {
  return frame(0x30 | (packetId ? 2 : 0) | (retain ? 1 : 0), [...field(utf8.encode(topic)), ...(packetId ? [number(packetId)] : []), payload]);
}

/** PUBACKs one behind the other (MQTT-3.4). */
export function pubackFrames(packetIds: readonly number[]): Uint8Array {
  const frames = new Uint8Array(packetIds.length * 4);
  packetIds.forEach((id, i) => frames.set([0x40, 2, id >> 8, id & 255], i * 4));
  return frames;
}

/** SUBSCRIBE at QoS 1 (MQTT-3.8). */
export function subscribeFrame(packetId: number, filters: readonly string[]): Uint8Array {
  return frame(0x82, [number(packetId), ...filters.flatMap((filter) => [...field(utf8.encode(filter)), Uint8Array.of(1)])]);
}

/** UNSUBSCRIBE (MQTT-3.10). */
export function unsubscribeFrame(packetId: number, filters: readonly string[]): Uint8Array {
  return frame(0xa2, [number(packetId), ...filters.flatMap((filter) => field(utf8.encode(filter)))]);
}

/** What a server sends. */
export type ServerPacket =
  | { readonly type: 'connack'; readonly sessionPresent: boolean; readonly returnCode: number }
  | { readonly type: 'publish'; readonly packet: Packet }
  | { readonly type: 'puback' | 'unsuback'; readonly packetId: number }
  | { readonly type: 'suback'; readonly packetId: number; readonly granted: readonly number[] }
  | { readonly type: 'pingresp' };

/** Frames out of bytes that arrive in any pieces. */
export class FrameReader {
  /** What is not a whole frame yet, and how much of it counts. */
  #held = new Uint8Array(0);
  #length = 0;

  /**
   * @param bytes how they came; they may be kept, so they must not change
   * @param take called with each packet, in order; false: nothing more is wanted
   * @throws Error when this is not MQTT as a server speaks it
   */
  read(bytes: Uint8Array, take: (packet: ServerPacket) => boolean): void {
    const data = this.#length === 0 ? bytes : this.#join(bytes);
    let at = 0;
    for (let next = endOf(data, at); next > 0; next = endOf(data, at)) {
      const first = data[at];
      const start = at + headerLength(data, at);
      at = next;
      if (!take(parse(first, data.subarray(start, next)))) return;
    }
    this.#keep(data.subarray(at));
  }

  #join(bytes: Uint8Array): Uint8Array {
    const joined = this.#room(this.#length + bytes.length);
    joined.set(bytes, this.#length);
    this.#length += bytes.length;
    return joined.subarray(0, this.#length);
  }

  /** Twice as large each time: a packet that drips in is copied a few times, not once for every piece. */
  #room(length: number): Uint8Array {
    if (this.#held.length >= length) return this.#held;
    const larger = new Uint8Array(Math.max(length, this.#held.length * 2));
    larger.set(this.#held.subarray(0, this.#length));
    return (this.#held = larger);
  }

  #keep(rest: Uint8Array): void {
    if (rest.length > 0 && rest.buffer === this.#held.buffer && rest.byteOffset === this.#held.byteOffset) return;
    // A buffer of its own: packets that were handed out are views into the old one.
    this.#held = rest.length > 0 ? rest.slice() : new Uint8Array(0);
    this.#length = rest.length;
  }
}

/** Bytes of first byte and remaining length; 0 when they are not all there. @throws Error when it is too long */
function headerLength(data: Uint8Array, at: number): number {
  for (let i = 1; i <= 4; i++) {
    if (at + i >= data.length) return 0;
    if (data[at + i] < 128) return i + 1;
  }
  throw new Error('a remaining length of more than four bytes');
}

/** Where the frame at `at` ends; 0 when it is not all there. */
function endOf(data: Uint8Array, at: number): number {
  const header = headerLength(data, at);
  if (header === 0) return 0;
  let remaining = 0;
  for (let i = header - 1; i > 0; i--) remaining = remaining * 128 + (data[at + i] & 127);
  if (remaining > mostBytes) throw new Error(`a packet of ${remaining} bytes`);
  const end = at + header + remaining;
  return end <= data.length ? end : 0;
}

function parse(first: number, body: Uint8Array): ServerPacket {
  switch (first) {
    case 0x20:
      if (body.length === 2) return { type: 'connack', sessionPresent: (body[0] & 1) === 1, returnCode: body[1] };
      break;
    case 0x40:
      if (body.length === 2) return { type: 'puback', packetId: idAt(body, 0) };
      break;
    case 0x90:
      if (body.length > 2) return { type: 'suback', packetId: idAt(body, 0), granted: [...body.subarray(2)] };
      break;
    case 0xb0:
      if (body.length === 2) return { type: 'unsuback', packetId: idAt(body, 0) };
      break;
    case 0xd0:
      if (body.length === 0) return { type: 'pingresp' };
      break;
    default:
      if (first >> 4 === 3) return { type: 'publish', packet: parsePublish(first, body) };
  }
  throw new Error(`a packet that no server sends (first byte ${first})`);
}

function parsePublish(first: number, body: Uint8Array): Packet {
  const qos = (first >> 1) & 3;
  const topicEnd = body.length < 2 ? Infinity : 2 + idAt(body, 0);
  const start = topicEnd + (qos ? 2 : 0);
  if (qos > 1 || start > body.length) throw new Error('a PUBLISH that is cut short, or not at QoS 0 or 1');
  return { topic: text.decode(body.subarray(2, topicEnd)), payload: body.subarray(start), qos: qos as 0 | 1, packetId: qos ? idAt(body, topicEnd) : 0 };
}

function idAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

function number(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}

/** Bytes with their length in two bytes before them. */
function field(bytes: Uint8Array): Uint8Array[] {
  if (bytes.length > 65_535) throw new RangeError('more than 65,535 bytes in one field');
  return [number(bytes.length), bytes];
}

function frame(first: number, parts: readonly Uint8Array[]): Uint8Array {
  let remaining = 0;
  for (const part of parts) remaining += part.length;
  const length: number[] = [];
  for (let rest = remaining; length.length === 0 || rest > 0; rest >>>= 7) length.push((rest & 127) | (rest > 127 ? 128 : 0));
  const bytes = new Uint8Array(1 + length.length + remaining);
  bytes[0] = first;
  bytes.set(length, 1);
  let at = 1 + length.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
