import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Code, memoryStore } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { storageSuite } from './storage-suite.js';

storageSuite('memory', async () => ({ open: async () => memoryStore(), remove: async () => {} }));

storageSuite('level', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-level-'));
  const open = () => levelStore(join(folder, 'store'));
  return { open, reopen: open, remove: () => rm(folder, { recursive: true }) };
});

test('a folder in use, and one that cannot be opened, are said so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-level-'));
  try {
    const store = await levelStore(join(folder, 'store'));
    await assert.rejects(levelStore(join(folder, 'store')), { code: Code.CONFLICT });
    await store.close();
    await writeFile(join(folder, 'file'), 'not a folder');
    await assert.rejects(levelStore(join(folder, 'file')), { code: Code.INTERNAL });
  } finally {
    await rm(folder, { recursive: true });
  }
});
