import assert from 'node:assert/strict';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { openDatabase } from '../../plugins/store-embedded/database.js';
import { unusedBytes } from '../../plugins/store-embedded/disk.js';
import { databaseFolder } from '../../plugins/store-embedded/format.js';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';
import { append } from './appends.js';
import { small } from './backend.js';

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-disk-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

const start = (folder: string) => openEmbeddedStorage({ folder, now: Date.now, limits: small });

describe('what can still be written', () => {
  test('is what the disk has', async (t) => {
    const folder = await temporary(t);
    const storage = await start(folder);
    // Others write to the same disk meanwhile: it is compared only roughly.
    const { bavail, bsize } = await statfs(folder);
    assert.ok(Math.abs((await storage.freeBytes()) / (bavail * bsize) - 1) < 0.2);
    await storage.close();
  });

  test('and the pages that LMDB freed', async (t) => {
    const folder = await temporary(t);
    const unused = async (): Promise<number> => {
      const db = openDatabase(databaseFolder(folder));
      const bytes = unusedBytes(db);
      await db.root.close();
      return bytes;
    };
    let storage = await start(folder);
    for (let i = 0; i < 100; i++) await storage.log.append([append('d:a:b', 'a', Buffer.alloc(30_000, 'x'))]);
    await storage.close();
    const full = await unused();
    storage = await start(folder);
    await storage.log.trim('d:a:b', 100);
    await storage.log.sweep(0, () => undefined);
    await storage.close();
    assert.ok((await unused()) > full + 2_000_000);
  });
});
