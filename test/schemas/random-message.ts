import { create, MessageSchema, toBinary, type Message } from 'godwit-schemas';
import type { Random } from './random.js';

const names = ['alice:phone', 'bob:tablet', 'constructor:__proto__', 'zoë:😀', 'x:y'];
const uint32s = [0, 1, 127, 128, 16_383, 16_384, 2 ** 21, 2 ** 28, 2 ** 31, 2 ** 32 - 1];

/** A random Message with a sender's fields only. */
export function randomMessage(random: Random): Message {
  const message = create(MessageSchema, { id: random.bytes(16) });
  if (random.chance(0.8)) message.body = random.bytes(random.pick([0, 1, 20, 127, 128, 300, 17_000]));
  if (random.chance(0.3)) {
    for (let i = random.below(4); i > 0; i--) message.deviceBodies[random.pick(names)] = random.bytes(random.below(200));
  }
  if (random.chance(0.3)) message.preview = random.bytes(random.below(200));
  if (random.chance(0.4)) message.expiresInS = random.pick(uint32s);
  if (random.chance(0.4)) message.flags = random.below(16);
  if (random.chance(0.3)) message.epoch = BigInt(random.pick([...uint32s, 2 ** 35, 2 ** 53 - 1]));
  if (random.chance(0.3)) message.devicesRevision = random.pick(uint32s);
  return message;
}

/** Its bytes as a strange but lawful encoder might write them: shuffled, repeated, with padded numbers and lengths. */
export function strangeEncoding(random: Random, message: Message): Uint8Array {
  const fields: Uint8Array[] = [];
  const pieces = [message, randomMessage(random)].slice(0, 1 + random.below(2));
  for (const piece of pieces) {
    const { id, body, preview } = piece;
    fields.push(lengthField(random, 1, id), lengthField(random, 2, body), lengthField(random, 5, preview));
    for (const [key, value] of Object.entries(piece.deviceBodies)) {
      const parts = [lengthField(random, 1, new TextEncoder().encode(key)), lengthField(random, 2, value)];
      if (random.chance(0.2)) parts.reverse();
      if (random.chance(0.2)) parts.pop();
      if (random.chance(0.2)) parts.push(lengthField(random, 1 + random.below(2), new TextEncoder().encode(key)));
      fields.push(lengthField(random, 3, concat(parts)));
    }
    fields.push(numberField(random, 4, BigInt(piece.expiresInS)), numberField(random, 6, BigInt(piece.flags)));
    fields.push(numberField(random, 7, piece.epoch), numberField(random, 8, BigInt(piece.devicesRevision)));
  }
  if (random.chance(0.2)) {
    const nine = [numberField(random, 9, 77n), lengthField(random, 9, random.bytes(5)), concat([[0x49], random.bytes(8)]), concat([[0x4d], random.bytes(4)])];
    fields.push(random.pick(nine));
  }
  for (let i = fields.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [fields[i], fields[j]] = [fields[j], fields[i]];
  }
  return concat(fields);
}

/** The bytes, damaged: flipped, cut, lengthened, doubled in part, or with bytes overwritten by telling ones. */
export function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  const damaged = bytes.slice();
  for (let i = 1 + random.below(3); i > 0; i--) {
    // Most of the structure stands at the head: tags and lengths are hit more often there.
    const at = random.below(random.chance(0.5) ? Math.min(40, damaged.length) : damaged.length);
    switch (random.below(5)) {
      case 0:
        damaged[at] ^= 1 << random.below(8);
        break;
      case 1:
        damaged[at] = random.pick([0, 0x7f, 0x80, 0xff, 0xc0, 0xed, 0xf4, 0x0a, 0x12, 0x1a, 0x20, 0x48, 0x4a, 0x52, 0x0b]);
        break;
      case 2:
        return damaged.slice(0, at);
      case 3:
        return concat([damaged, random.bytes(1 + random.below(12))]);
      case 4:
        return concat([damaged.slice(0, at), damaged.slice(random.below(damaged.length))]);
    }
  }
  return damaged;
}

/** The bytes as generated code writes them. */
export function encoded(message: Message): Uint8Array {
  return toBinary(MessageSchema, message);
}

function lengthField(random: Random, number: number, value: Uint8Array): Uint8Array {
  return concat([[(number << 3) | 2], paddedVarint(random, BigInt(value.length)), value]);
}

function numberField(random: Random, number: number, value: bigint): Uint8Array {
  return concat([[number << 3], paddedVarint(random, value)]);
}

function paddedVarint(random: Random, value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(Number(rest & 127n));
    rest >>= 7n;
  } while (rest > 0n);
  const padding = random.chance(0.1) ? random.below(11 - bytes.length) : 0;
  for (let i = 0; i < padding; i++) bytes.push(0);
  return bytes.map((byte, i) => (i < bytes.length - 1 ? byte | 0x80 : byte));
}

export function concat(parts: readonly ArrayLike<number>[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
