import { tokenFor, type Address } from '../support/address.js';

/** MQTT 3.1.1 packets as bytes, so that a test may write what no library would. */

/** First bytes (MQTT-2.2.1, with the flags of table 2.2). */
export const Type = {
  connect: 0x10,
  connack: 0x20,
  publish: 0x30,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
  subscribe: 0x82,
  suback: 0x90,
  unsubscribe: 0xa2,
  unsuback: 0xb0,
  pingreq: 0xc0,
  pingresp: 0xd0,
  disconnect: 0xe0,
} as const;

type Part = Uint8Array | string;

/** A packet whose remaining length is right, whatever is in it. */
export function packet(first: number, ...body: Part[]): Buffer {
  const rest = bytes(...body);
  return Buffer.concat([Buffer.from([first]), remainingLength(rest.length), rest]);
}

/** A remaining length (MQTT-2.2.3); of up to five bytes, which is one too many. */
export function remainingLength(length: number): Buffer {
  const encoded: number[] = [];
  let rest = length;
  do {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    encoded.push(rest > 0 ? digit | 0x80 : digit);
  } while (rest > 0);
  return Buffer.from(encoded);
}

export function bytes(...parts: Part[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

/** Two bytes of length, then the bytes (MQTT-1.5.3). */
export function field(content: Part): Buffer {
  const text = bytes(content);
  return bytes(number(text.length), text);
}

/** A packet id, a keepalive. */
export function number(value: number): Buffer {
  return Buffer.from([(value >>> 8) & 255, value & 255]);
}

/** Who sends. */
export interface Sender {
  user: string;
  clientId: string;
  token: string;
}

export function sender(address: Address, clientId: string): Sender {
  const user = clientId.split(':', 1)[0];
  return { user, clientId, token: tokenFor(address, user) };
}

export interface ConnectParts {
  protocol?: string;
  level?: number;
  flags?: number;
  keepalive?: number;
  /** The payload's fields, in their order. */
  fields?: Part[];
}

const USERNAME = 0x80;
const PASSWORD = 0x40;
export const CLEAN = 0x02;

export function connect({ user, clientId, token }: Sender, { protocol = 'MQTT', level = 4, flags = USERNAME | PASSWORD, keepalive = 0, fields = [clientId, user, token] }: ConnectParts = {}): Buffer {
  return packet(Type.connect, field(protocol), Buffer.from([level, flags]), number(keepalive), ...fields.map(field));
}

/** A CONNECT with a will. @param flags of the will: QoS in bits 3 and 4, retain in bit 5 */
export function connectWithWill(by: Sender, topic: Part, payload: Part, flags = 0x08): Buffer {
  return connect(by, { flags: USERNAME | PASSWORD | 0x04 | flags, fields: [by.clientId, topic, payload, by.user, by.token] });
}

export interface PublishParts {
  qos?: number;
  id?: number;
  /** DUP 8, retain 1. */
  flags?: number;
}

export function publish(topic: Part, payload: Part, { qos = 1, id = 1, flags = 0 }: PublishParts = {}): Buffer {
  return packet(Type.publish | (qos << 1) | flags, field(topic), qos > 0 ? number(id) : '', payload);
}

export function subscribe(id: number, filters: readonly (readonly [filter: Part, qos: number])[]): Buffer {
  return packet(Type.subscribe, number(id), ...filters.map(([filter, qos]) => bytes(field(filter), Buffer.from([qos]))));
}

export function unsubscribe(id: number, filters: readonly Part[]): Buffer {
  return packet(Type.unsubscribe, number(id), ...filters.map(field));
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP. */
export function answer(type: number, id: number): Buffer {
  return packet(type, number(id));
}

export const PINGREQ = packet(Type.pingreq);
