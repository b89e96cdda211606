import { describe, test } from 'node:test';
import { openEmbeddedStorage, type EmbeddedStorage } from '../../plugins/store-embedded/index.js';
import { temporaryFolder, type Scope } from '../support/folder.js';
import { bufferBytes } from '../support/memory.js';
import { until } from '../support/recorder.js';
import { append } from './appends.js';

const LOG = 'd:alice:bob';
const SLAB_BYTES = 64 * 1024;
const MESSAGE = Buffer.alloc(4_000, 'x');
const MEGABYTE = 1024 * 1024;

/** Small slabs, and few of them. */
async function open(t: Scope, now: () => number = Date.now): Promise<EmbeddedStorage> {
  const limits = { slabBytes: SLAB_BYTES, tailBytes: 4 * SLAB_BYTES, fillBytes: SLAB_BYTES, fillMs: 10, readBytes: MEGABYTE, segmentBytes: MEGABYTE };
  const storage = await openEmbeddedStorage({ folder: `${await temporaryFolder(t)}/data`, now, limits });
  t.after(() => storage.close());
  return storage;
}

/** 16 MB go through the log; next to nothing of it may stay in memory. */
async function fill({ log }: EmbeddedStorage, batch: number): Promise<void> {
  for (let sent = 0; sent < 16 * MEGABYTE; sent += batch * MESSAGE.length) {
    await log.append(Array.from({ length: batch }, () => append(LOG, 'alice', MESSAGE)));
  }
}

describe('what of a long log is held in memory', () => {
  test('stays within its bounds where batches are larger than a slab', async (t) => {
    const storage = await open(t);
    await fill(storage, 20);
    const before = bufferBytes();
    await fill(storage, 40);
    await until('the slabs are let go', () => bufferBytes() < before + 2 * MEGABYTE);
  });

  test('stays within its bounds where messages expire and are erased while they are in memory', async (t) => {
    let nowMs = Date.now();
    const storage = await open(t, () => nowMs);
    await fill(storage, 10);
    const before = bufferBytes();
    for (let i = 0; i < 30; i++) {
      await storage.log.append([append(LOG, 'alice', 'gone in a second', { expiresInS: 1 })]);
      nowMs += 2_000;
      await storage.log.sweep(nowMs);
      await storage.log.append(Array.from({ length: 100 }, () => append(LOG, 'alice', MESSAGE)));
    }
    await until('the slabs are let go', () => bufferBytes() < before + 2 * MEGABYTE);
  });
});
