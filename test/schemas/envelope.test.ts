import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Envelope, fromBinary, MessageSchema, readEnvelope, validUtf8 } from 'godwit-schemas';
import { concat, encoded, mutate, randomMessage, strangeEncoding } from './random-message.js';
import { Random } from './random.js';
import { referenceEnvelope } from './reference.js';

const envelope = new Envelope();
const id = new Uint8Array(16).fill(7);
const idField = concat([[0x0a, 16], id]);

/** Reads `bytes` from the middle of a larger buffer, whose other bytes must not matter. */
function read(bytes: Uint8Array): boolean {
  const around = concat([[0xff, 0x0a, 0x80], bytes, [0x80, 0x12, 0xff]]);
  const accepted = readEnvelope(around, 3, 3 + bytes.length, envelope);
  if (envelope.idStart >= 0) envelope.idStart -= 3;
  if (envelope.bodyStart >= 0) {
    envelope.bodyStart -= 3;
    envelope.bodyEnd -= 3;
  }
  return accepted;
}

/** True if it was accepted; asserts that reader, reference and generated code agree. */
function compare(bytes: Uint8Array, what: string): boolean {
  const expected = referenceEnvelope(bytes);
  const accepted = read(bytes);
  assert.equal(accepted, expected !== undefined, `${what}: ${envelope.error} ${Buffer.from(bytes).toString('hex')}`);
  if (!expected) {
    assert.notEqual(envelope.error, '');
    return false;
  }
  assert.equal(envelope.error, '');
  assert.deepEqual(bytes.slice(envelope.idStart, envelope.idStart + 16), expected.id);
  const body = envelope.bodyStart < 0 ? undefined : bytes.slice(envelope.bodyStart, envelope.bodyEnd);
  assert.deepEqual(body, expected.body);
  for (const name of ['expiresInS', 'flags', 'epoch', 'devicesRevision'] as const) {
    assert.equal(BigInt(envelope[name]), expected[name], `${what}: ${name}`);
  }
  assert.equal(envelope.auxFields, expected.auxFields);

  const message = fromBinary(MessageSchema, bytes);
  assert.deepEqual(message.id, expected.id);
  assert.deepEqual(message.body, body ?? new Uint8Array(0));
  assert.equal(message.expiresInS, envelope.expiresInS);
  assert.equal(message.flags, envelope.flags);
  assert.equal(message.epoch, BigInt(envelope.epoch));
  assert.equal(message.devicesRevision, envelope.devicesRevision);
  return true;
}

describe('readEnvelope', () => {
  test('accepts what generated code writes', () => {
    const random = new Random(1);
    for (let i = 0; i < 3000; i++) assert.ok(compare(encoded(randomMessage(random)), `message ${i}`));
  });

  test('accepts fields in any order, repeated, with padded numbers', () => {
    const random = new Random(2);
    for (let i = 0; i < 3000; i++) assert.ok(compare(strangeEncoding(random, randomMessage(random)), `message ${i}`));
  });

  test('agrees with the reference on damaged messages', () => {
    const random = new Random(3);
    let accepted = 0;
    for (let i = 0; i < 20_000; i++) {
      const message = randomMessage(random);
      message.body = message.body.slice(0, 40);
      const bytes = random.chance(0.5) ? encoded(message) : strangeEncoding(random, message);
      if (compare(mutate(random, bytes), `mutation ${i}`)) accepted++;
    }
    assert.ok(accepted > 2000 && accepted < 18_000, `both outcomes are met: ${accepted}`);
  });

  test('agrees with the reference on bytes of no meaning', () => {
    const random = new Random(4);
    for (let i = 0; i < 10_000; i++) compare(concat([idField, random.bytes(random.below(24))]), `noise ${i}`);
  });

  const refused: [string, number[], RegExp][] = [
    ['nothing at all', [], /no id/],
    ['a body and no id', [0x12, 1, 65], /no id/],
    ['an id of 15 bytes', [0x0a, 15, ...new Array(15).fill(1)], /16 bytes/],
    ['a second id that is empty', [...idField, 0x0a, 0], /16 bytes/],
    ["the server's field 10", [...idField, 0x52, 1, 65], /not the sender's/],
    ["the server's field 13", [...idField, 0x68, 1], /not the sender's/],
    ["the server's field 16", [...idField, 0x80, 0x01, 5], /not the sender's/],
    ['field 0', [...idField, 0x02, 0], /not the sender's/],
    ['a tag padded to two bytes', [...idField, 0x92, 0x00, 1, 65], /not the sender's/],
    ['a body as a number', [...idField, 0x10, 1], /wrong type/],
    ['a group', [...idField, 0x13, 0x14], /wrong type/],
    ['flags as bytes', [...idField, 0x32, 1, 1], /wrong type/],
    ['field 9 as a group', [...idField, 0x4b, 0x4c], /wrong type/],
    ['a tag and no length', [...idField, 0x12], /bad length/],
    ['a length beyond the end', [...idField, 0x12, 5, 1, 2], /truncated/],
    ['a length of 2^63', [...idField, 0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], /truncated/],
    ['fixed 64 cut short', [...idField, 0x49, 1, 2, 3], /truncated/],
    ['fixed 32 cut short', [...idField, 0x4d, 1, 2, 3], /truncated/],
    ['a number of eleven bytes', [...idField, 0x30, ...new Array(10).fill(0x80), 0x00], /bad number/],
    ['a number above 2^64', [...idField, 0x38, ...new Array(9).fill(0xff), 0x02], /bad number/],
    ['a number that does not end', [...idField, 0x30, 0x80], /bad number/],
    ['flags of 2^32', [...idField, 0x30, 0x80, 0x80, 0x80, 0x80, 0x10], /does not fit/],
    ['an epoch of 2^53', [...idField, 0x38, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10], /epoch/],
    ['a device name that is not UTF-8', [...idField, 0x1a, 3, 0x0a, 1, 0xff], /device_bodies/],
    ['a device entry with a third field', [...idField, 0x1a, 2, 0x1a, 0], /device_bodies/],
    ['a device entry with a number as its name', [...idField, 0x1a, 2, 0x08, 1], /device_bodies/],
    ['a device name that reaches into the next field', [...idField, 0x1a, 3, 0x0a, 2, 65, 0x30, 1], /device_bodies/],
    ['a device name beyond its entry', [...idField, 0x1a, 2, 0x0a, 3, 65, 65, 65], /device_bodies/],
  ];
  for (const [what, bytes, error] of refused) {
    test(`refuses ${what}`, () => {
      assert.equal(compare(Uint8Array.from(bytes), what), false);
      assert.match(envelope.error, error);
    });
  }

  test('takes the largest numbers that fit', () => {
    const largest = [...idField, 0x20, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x38, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert.ok(compare(Uint8Array.from(largest), 'largest'));
    assert.equal(envelope.expiresInS, 2 ** 32 - 1);
    assert.equal(envelope.epoch, Number.MAX_SAFE_INTEGER);
  });

  test('leaves nothing of the message before', () => {
    const random = new Random(5);
    const message = randomMessage(random);
    Object.assign(message, { body: random.bytes(9), flags: 3, expiresInS: 4, epoch: 5n, devicesRevision: 6, preview: random.bytes(3) });
    assert.ok(read(encoded(message)));
    assert.ok(read(idField));
    assert.deepEqual({ ...envelope }, { ...new Envelope(), idStart: 2 });
  });
});

describe('validUtf8', () => {
  test('agrees with TextDecoder on every lead and second byte, and on cut sequences', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    const tails = [[], [0x80], [0xbf, 0x80], [0x80, 0x41], [0x80, 0x80, 0x80], [0x7f], [0xc0]];
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        for (const tail of tails) {
          const bytes = Uint8Array.from([first, second, ...tail]);
          let expected = true;
          try {
            decoder.decode(bytes);
          } catch {
            expected = false;
          }
          if (validUtf8(bytes, 0, bytes.length) !== expected) assert.fail(`disagree on ${Buffer.from(bytes).toString('hex')}`);
        }
      }
    }
  });
});
