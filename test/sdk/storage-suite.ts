import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Store } from 'godwit-client';

/** What a backend's test gives: a store, opened again on the same data, and the data removed. */
export interface StoreMaker {
  open(): Promise<Store>;
  /** After the store was closed: the same data. Left out: nothing outlives the process. */
  reopen?(): Promise<Store>;
  remove(): Promise<void>;
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const keysOf = (rows: [string, Uint8Array][]): string[] => rows.map(([key]) => key);

/** The contract of `Store`, for every backend. */
export function storageSuite(name: string, make: () => Promise<StoreMaker>): void {
  const withStore = (run: (store: Store, maker: StoreMaker) => Promise<void>) => async (): Promise<void> => {
    const maker = await make();
    const store = await maker.open();
    try {
      await run(store, maker);
    } finally {
      await store.close();
      await maker.remove();
    }
  };

  describe(`storage: ${name}`, { timeout: 20_000 }, () => {
    test('what was written is read, bytes as they were; what was not is undefined', withStore(async (store) => {
      await store.write([{ key: 'a', value: bytes(0, 255, 128) }, { key: 'empty', value: bytes() }]);
      assert.deepEqual([...(await store.get('a'))!], [0, 255, 128]);
      assert.equal((await store.get('empty'))!.length, 0);
      assert.equal(await store.get('b'), undefined);
      assert.equal(await store.get('__proto__'), undefined);
    }));

    test('a view into a larger buffer is stored as itself, and the caller may use it again', withStore(async (store) => {
      const buffer = bytes(1, 2, 3, 4);
      const written = store.write([{ key: 'a', value: buffer.subarray(1, 3) }]);
      await written;
      buffer.fill(9);
      assert.deepEqual([...(await store.get('a'))!], [2, 3]);
    }));

    test('a put replaces, an undefined removes; the last change of a key in a write counts', withStore(async (store) => {
      await store.write([{ key: 'a', value: bytes(1) }, { key: 'b', value: bytes(1) }]);
      await store.write([{ key: 'a', value: bytes(2) }, { key: 'b', value: undefined }, { key: 'c', value: undefined }]);
      assert.deepEqual([...(await store.get('a'))!], [2]);
      assert.equal(await store.get('b'), undefined);
      await store.write([{ key: 'a', value: undefined }, { key: 'a', value: bytes(3) }, { key: 'd', value: bytes(1) }, { key: 'd', value: undefined }]);
      assert.deepEqual([...(await store.get('a'))!], [3]);
      assert.equal(await store.get('d'), undefined);
    }));

    test('ranges are ordered by key, from included, before excluded, with limit and backwards', withStore(async (store) => {
      const keys = ['p/b', 'p/a', 'p', 'p0', 'p/', 'p/a/1', 'o/z', 'q'];
      await store.write(keys.map((key) => ({ key, value: bytes(1) })));
      const range = { from: 'p/', before: 'p0' };
      assert.deepEqual(keysOf(await store.range(range)), ['p/', 'p/a', 'p/a/1', 'p/b']);
      assert.deepEqual(keysOf(await store.range({ ...range, limit: 2 })), ['p/', 'p/a']);
      assert.deepEqual(keysOf(await store.range({ ...range, limit: 2, reverse: true })), ['p/b', 'p/a/1']);
      assert.deepEqual(keysOf(await store.range({ ...range, reverse: true })), ['p/b', 'p/a/1', 'p/a', 'p/']);
      assert.deepEqual(await store.range({ from: 'x', before: 'y' }), []);
      await store.write([{ key: 'p/a', value: undefined }, { key: 'p/c', value: bytes(1) }]);
      assert.deepEqual(keysOf(await store.range(range)), ['p/', 'p/a/1', 'p/b', 'p/c']);
    }));

    test('writes take effect in the order of the calls, without waiting for one another', withStore(async (store) => {
      const writes = Array.from({ length: 50 }, (_, i) => store.write([{ key: 'n', value: bytes(i) }, { key: `k${i % 3}`, value: i % 2 ? bytes(i) : undefined }]));
      await Promise.all(writes);
      assert.deepEqual([...(await store.get('n'))!], [49]);
      assert.deepEqual(await Promise.all(['k0', 'k1', 'k2'].map(async (key) => (await store.get(key))?.[0])), [undefined, 49, 47]);
    }));

    test('a thousand changes in one write, and large values', withStore(async (store) => {
      const large = new Uint8Array(70_000).fill(7);
      await store.write(Array.from({ length: 1_000 }, (_, i) => ({ key: `k/${String(i).padStart(4, '0')}`, value: large.subarray(0, i) })));
      const rows = await store.range({ from: 'k/', before: 'k0' });
      assert.equal(rows.length, 1_000);
      assert.ok(rows.every(([, value], i) => value.length === i));
      await store.write([{ key: 'large', value: large }]);
      assert.deepEqual(Buffer.from((await store.get('large'))!), Buffer.from(large));
    }));

    test('a closed store rejects', async () => {
      const maker = await make();
      const store = await maker.open();
      await store.close();
      await assert.rejects(store.get('a'));
      await assert.rejects(store.range({ from: 'a', before: 'b' }));
      await assert.rejects(store.write([{ key: 'a', value: bytes(1) }]));
      await maker.remove();
    });

    test('what was written is there when it is opened again', async (t) => {
      const maker = await make();
      if (!maker.reopen) return t.diagnostic('this backend does not outlive its process, and says so');
      const store = await maker.open();
      await store.write([{ key: 'a', value: bytes(1) }, { key: 'b', value: bytes(2) }]);
      await store.write([{ key: 'a', value: undefined }]);
      await store.close();
      const again = await maker.reopen();
      assert.equal(await again.get('a'), undefined);
      assert.deepEqual([...(await again.get('b'))!], [2]);
      await again.close();
      await maker.remove();
    });
  });
}
