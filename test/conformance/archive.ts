import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Archive, ArchivedMessage } from '../../broker/ports/archive.js';

export type OpenArchive = () => Promise<{ archive: Archive; close(): Promise<void> }>;

const ALL = { entries: 1_000, bytes: 1_000_000 };

function message(seq: number, text = `message ${seq}`, more: Partial<ArchivedMessage> = {}): ArchivedMessage {
  return { seq, message: Buffer.from(text), stamp: 3, aux: undefined, expiresAtMs: 0, ...more };
}

/** What every Archive does. Each test has conversations of its own. */
export function suite(name: string, open: OpenArchive): void {
  describe(`Archive: ${name}`, () => {
    let archive: Archive;
    let close: () => Promise<void>;
    before(async () => {
      ({ archive, close } = await open());
    });
    after(() => close());

    const seqs = async (conversation: string): Promise<number[]> => (await archive.read(conversation, 1, Number.MAX_SAFE_INTEGER, ALL)).map(({ seq }) => seq);

    test('gives what was put, byte by byte, in order', async () => {
      const far = 2 ** 32 + 7;
      const put = [message(far, 'far'), message(2, 'two', { stamp: 1, aux: Buffer.from([0, 255]), expiresAtMs: 1_800_000_000_123 }), message(1, '1')];
      await archive.put('d:__proto__:a', put);
      const found = await archive.read('d:__proto__:a', 1, far, ALL);
      const bytes = (some: readonly ArchivedMessage[]): unknown => some.map((it) => [it.seq, Buffer.from(it.message).toString('hex'), it.stamp, it.aux && Buffer.from(it.aux).toString('hex'), it.expiresAtMs]);
      assert.deepEqual(bytes(found), bytes([put[2], put[1], put[0]]));
      assert.deepEqual(await archive.read('d:nobody:x', 1, far, ALL), []);
    });

    test('put again, a message is there once', async () => {
      await archive.put('d:again:x', [message(1), message(2)]);
      await archive.put('d:again:x', [message(2, 'new'), message(3)]);
      assert.deepEqual((await archive.read('d:again:x', 1, 9, ALL)).map(({ message: bytes }) => Buffer.from(bytes).toString()), ['message 1', 'new', 'message 3']);
    });

    test('reads within its limits, and a message at least', async () => {
      await archive.put('d:limits:x', Array.from({ length: 150 }, (_, i) => message(i + 1, '.'.repeat(100))));
      const places = async (from: number, to: number, entries: number, bytes: number): Promise<number[]> => (await archive.read('d:limits:x', from, to, { entries, bytes })).map(({ seq }) => seq);
      assert.deepEqual(await places(3, 6, 100, 10_000), [3, 4, 5, 6]);
      assert.deepEqual(await places(3, 100, 2, 10_000), [3, 4]);
      assert.deepEqual(await places(3, 100, 10, 101), [3, 4]);
      assert.deepEqual(await places(3, 100, 10, 1), [3]);
      assert.equal((await places(1, 150, 200, 1_000_000)).length, 150);
    });

    test('erases one place, trims from the oldest end, each conversation its own', async () => {
      for (const conversation of ['d:gone:x', 'd:gone:y']) await archive.put(conversation, [1, 2, 3, 4, 5].map((seq) => message(seq)));
      await archive.erase('d:gone:x', 3);
      await archive.erase('d:gone:x', 77);
      await archive.trim('d:gone:x', 1);
      assert.deepEqual(await seqs('d:gone:x'), [2, 4, 5]);
      await archive.trim('d:gone:x', Number.MAX_SAFE_INTEGER);
      await archive.trim('d:gone:nobody', 5);
      assert.deepEqual([await seqs('d:gone:x'), await seqs('d:gone:y')], [[], [1, 2, 3, 4, 5]]);
    });

    test('what has expired goes', async () => {
      await archive.put('d:expire:x', [message(1), message(2, '2', { expiresAtMs: 1_000 }), message(3, '3', { expiresAtMs: 1_001 })]);
      await archive.expire(1_000);
      assert.deepEqual(await seqs('d:expire:x'), [1, 3]);
    });

    test('names the conversations that it has something of, page by page', async () => {
      const names = ['g:page-a', 'g:page-b', 'g:page-c'];
      for (const conversation of names) await archive.put(conversation, [message(1), message(2)]);
      assert.deepEqual(await archive.conversations('g:page', 2), names.slice(0, 2));
      assert.deepEqual(await archive.conversations('g:page-b', 2), names.slice(2));
      await archive.trim('g:page-c', 2);
      assert.deepEqual(await archive.conversations('g:page-b', 2), []);
    });
  });
}
