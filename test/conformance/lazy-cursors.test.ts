import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { limits } from 'godwit-schemas';
import { openEmbeddedStorage, storeLimits } from '../../plugins/store-embedded/index.js';

const CHILD = fileURLToPath(new URL('./lazy-child.js', import.meta.url));
const DEADLINE_MS = 20_000;

test('a moved cursor reaches the disk by itself (cursorFlushMs), and a crash keeps its steps', async (t) => {
  assert.ok(storeLimits.cursorMs <= limits.cursorFlushMs.value);
  const folder = await mkdtemp(join(tmpdir(), 'godwit-lazy-'));
  t.after(() => rm(folder, { recursive: true }));
  const child = spawn(process.execPath, [CHILD, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  // The journal is written to when, and only when, the cursor goes into it.
  const file = join(folder, 'journal', '000001.journal');
  const before = Number(String(said).split(' ')[1]);
  for (const deadline = Date.now() + DEADLINE_MS; (await stat(file)).mtimeMs <= before; await sleep(10)) {
    assert.ok(Date.now() < deadline, 'nothing was written');
  }
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
  const storage = await openEmbeddedStorage({ folder, now: Date.now });
  t.after(() => storage.close());
  assert.equal((await storage.cursors.device('alice', 'phone', 'd:alice:bob'))?.position, 7);
  // The steps, of which the journal has only one row after the other.
  const steps = [1, 2, 3, 4, 5, 6].map((seq) => storage.cursors.reached('alice', 'd:alice:bob', seq));
  assert.deepEqual((await Promise.all(steps)).map(({ deliveredAtMs, readAtMs }) => [deliveredAtMs, readAtMs]), [[300, 301], [300, 301], [300, 501], [500, 501], [500, 0], [0, 0]]);
});
