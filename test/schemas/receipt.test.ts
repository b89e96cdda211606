import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, encodeReceipt, ReceiptSchema, toBinary } from 'godwit-schemas';
import { Random } from './random.js';

test('a Receipt has the very bytes that generated code writes', () => {
  const random = new Random(5);
  const numbers = [0, 1, 127, 128, 2 ** 28 - 1, 2 ** 28, 2 ** 32 + 1, 1_795_355_770_380, 2 ** 53 - 1];
  const number = (): number => random.pick(numbers);
  for (let i = 0; i < 2000; i++) {
    const fields = { conversation: random.pick(['d:alice:bob', `g:${'g'.repeat(64)}`, `d:${'a'.repeat(64)}:${'b'.repeat(64)}`]), delivered: number(), read: number(), atMs: number(), ownRead: number() };
    const { conversation, delivered, read, atMs, ownRead } = fields;
    const expected = create(ReceiptSchema, { conversation, delivered: BigInt(delivered), read: BigInt(read), atMs: BigInt(atMs), ownRead: BigInt(ownRead) });
    assert.deepEqual(encodeReceipt(fields), toBinary(ReceiptSchema, expected));
  }
});
