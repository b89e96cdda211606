import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { afterSize, bodySize, create, fromBinary, MessageSchema, stampPrefix, stampSize, toBinary, writeAfter, writeBody, writeStamp } from 'godwit-schemas';
import { encoded, randomMessage, strangeEncoding } from './random-message.js';
import { Random } from './random.js';

const numbers = [1, 127, 128, 2 ** 14, 2 ** 21 - 1, 2 ** 28 - 1, 2 ** 28, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 35, 1_795_355_770_380, 2 ** 42, 2 ** 49, 2 ** 53 - 1];

describe('the stamp', () => {
  test('appended to any sender\'s bytes, decodes to the right fields', () => {
    const random = new Random(21);
    for (let i = 0; i < 3000; i++) {
      const sender = random.chance(0.5) ? encoded(randomMessage(random)) : strangeEncoding(random, randomMessage(random));
      const from = random.pick(['alice', 'constructor', 'a'.repeat(64)]);
      const fromDevice = random.pick(['', 'phone', 'd'.repeat(32)]);
      const conversation = random.pick(['d:alice:bob', `g:${'g'.repeat(64)}`, `d:${'a'.repeat(64)}:${'b'.repeat(64)}`]);
      const seq = random.pick(numbers);
      const sentAtMs = random.pick(numbers);
      const after = random.chance(0.5) ? random.pick([0, ...numbers]) : undefined;

      const prefix = stampPrefix(from, fromDevice, conversation);
      const target = new Uint8Array(sender.length + stampSize(prefix) + afterSize);
      target.set(sender);
      let end = writeStamp(target, sender.length, prefix, seq, sentAtMs);
      assert.ok(end - sender.length <= stampSize(prefix));
      if (after !== undefined) end = writeAfter(target, end, after);
      assert.ok(end <= target.length);

      const unstamped = fromBinary(MessageSchema, sender);
      const expected = { ...unstamped, from, fromDevice, conversation, seq: BigInt(seq), sentAtMs: BigInt(sentAtMs), after: BigInt(after ?? 0) };
      assert.deepEqual(fromBinary(MessageSchema, target.subarray(0, end)), expected);
    }
  });

  test('has the very bytes that generated code writes', () => {
    for (const fromDevice of ['', 'phone']) {
      for (const seq of numbers) {
        const prefix = stampPrefix('alice', fromDevice, 'd:alice:bob');
        const target = new Uint8Array(stampSize(prefix) + afterSize);
        const end = writeAfter(target, writeStamp(target, 0, prefix, seq, 1_795_355_770_380), seq);
        const message = create(MessageSchema, { from: 'alice', fromDevice, conversation: 'd:alice:bob', seq: BigInt(seq), sentAtMs: 1_795_355_770_380n, after: BigInt(seq) });
        assert.deepEqual(target.slice(0, end), toBinary(MessageSchema, message));
      }
    }
  });

  test('touches nothing around it', () => {
    const prefix = stampPrefix('alice', 'phone', 'd:alice:bob');
    const target = new Uint8Array(200).fill(0xee);
    const end = writeAfter(target, writeStamp(target, 10, prefix, 5, 6), 4);
    assert.ok(target.subarray(0, 10).every((byte) => byte === 0xee));
    assert.ok(target.subarray(end).every((byte) => byte === 0xee));
  });

  test('works on a Buffer', () => {
    const prefix = stampPrefix('alice', 'phone', 'd:alice:bob');
    const target = Buffer.alloc(stampSize(prefix));
    const end = writeStamp(target, 0, prefix, 3, 4);
    assert.equal(fromBinary(MessageSchema, target.subarray(0, end)).seq, 3n);
  });
});

describe('writeBody', () => {
  test('takes the place of the body before it', () => {
    const random = new Random(22);
    for (const length of [0, 1, 127, 128, 20_000]) {
      const sender = encoded(create(MessageSchema, { id: random.bytes(16), body: random.bytes(30), flags: 1 }));
      const body = random.bytes(length);
      const target = new Uint8Array(sender.length + bodySize(length));
      target.set(sender);
      assert.equal(writeBody(target, sender.length, body), target.length);
      assert.deepEqual(fromBinary(MessageSchema, target), { ...fromBinary(MessageSchema, sender), body });
    }
  });
});
