import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { cp, mkdir, mkdtemp, open, readFile, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MessageSchema, Reason, fromBinary } from 'godwit-schemas';
import type { ConversationLog } from '../../broker/ports/conversation-log.js';
import { StorageOpenError } from '../../broker/ports/storage.js';
import { openEmbeddedStorage, restoreBackup } from '../../plugins/store-embedded/index.js';
import type { EmbeddedStorage, StoreLimits } from '../../plugins/store-embedded/index.js';
import { Segments } from '../../plugins/store-embedded/segments.js';
import { again, append } from './appends.js';
import { small } from './backend.js';

const HOLDER = fileURLToPath(new URL('./holder-child.js', import.meta.url));
const CRAMPED = fileURLToPath(new URL('./cramped-child.js', import.meta.url));
const ALL = { entries: 1e9, bytes: 1e9 };
const BLOCK = 4096;
const MAGIC = 0x4a575447;
/** Nothing goes into LMDB by itself. */
const unfilled: Partial<StoreLimits> = { fillMs: 1e9, fillBytes: 1e9 };

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-folder-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

const start = (folder: string, limits: Partial<StoreLimits> = small): Promise<EmbeddedStorage> => openEmbeddedStorage({ folder, now: Date.now, limits });

async function bodies(log: ConversationLog, conversation: string): Promise<string[]> {
  return (await log.read(conversation, 1, ALL)).map((entry) => Buffer.from(fromBinary(MessageSchema, entry.buffer.subarray(entry.start, entry.end)).body).toString());
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i + 1}`);

/** What kill -9 leaves behind: the files as they are now. */
async function crash(folder: string, to: string): Promise<void> {
  await cp(folder, to, { recursive: true, filter: (path) => !path.endsWith('.sock') });
}

/** A folder with `count` records in its journal, `filled` of them in LMDB too. */
async function written(t: TestContext, count: number, filled: number): Promise<string> {
  const root = await temporary(t);
  const storage = await start(join(root, 'data'), unfilled);
  for (let i = 1; i <= count; i++) {
    await storage.log.append([append('d:a:b', 'a', `${i}`)]);
    if (i === filled) await storage.fill();
  }
  await crash(join(root, 'data'), join(root, 'crashed'));
  await storage.close();
  return join(root, 'crashed');
}

/** Where the records of the newest appends begin in the journal's first segment: one block each. */
async function recordOffsets(folder: string): Promise<number[]> {
  const bytes = await readFile(join(folder, 'journal', '000001.journal'));
  const offsets: number[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK) if (bytes.readUInt32LE(at) === MAGIC) offsets.push(at);
  return offsets;
}

async function damage(folder: string, at: number): Promise<void> {
  const file = await open(join(folder, 'journal', '000001.journal'), 'r+');
  await file.write(Buffer.from('damaged'), 0, 7, at);
  await file.close();
}

async function hashes(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    // LMDB's table of readers is no data.
    if (entry.isFile() && entry.name !== 'lock.mdb') found.set(path, createHash('sha256').update(await readFile(path)).digest('hex'));
  }
  return found;
}

/** It is refused with one line, and every file is as it was. */
async function refused(folder: string, why: RegExp): Promise<void> {
  const before = await hashes(folder);
  await assert.rejects(start(folder), (error: Error) => {
    assert.ok(error instanceof StorageOpenError, String(error.stack));
    assert.match(error.message, why);
    assert.ok(!error.message.includes('\n'));
    return true;
  });
  assert.deepEqual(await hashes(folder), before);
}

describe('the journal', () => {
  test('what LMDB does not have is replayed, what it has is not', async (t) => {
    const folder = await written(t, 20, 15);
    const storage = await start(folder);
    assert.equal(storage.replayed, 5);
    assert.deepEqual(await bodies(storage.log, 'd:a:b'), numbers(20));
    await storage.close();
    const again = await start(folder);
    assert.equal(again.replayed, 0, 'LMDB has all of it, though the journal still holds it');
    assert.deepEqual(await bodies(again.log, 'd:a:b'), numbers(20));
    await again.close();
  });

  test('a torn record at its end was promised to nobody', async (t) => {
    const folder = await written(t, 20, 10);
    await damage(folder, (await recordOffsets(folder)).at(-1)! + 40);
    const storage = await start(folder);
    assert.deepEqual(await bodies(storage.log, 'd:a:b'), numbers(19));
    const one = append('d:a:b', 'a', 'next');
    await storage.log.append([one]);
    assert.equal(one.seq, 20);
    await storage.close();
    const reopened = await start(folder);
    assert.deepEqual(await bodies(reopened.log, 'd:a:b'), [...numbers(19), 'next']);
    await reopened.close();
  });

  test('a damaged record with whole ones behind it is refused', async (t) => {
    const folder = await written(t, 20, 10);
    await damage(folder, (await recordOffsets(folder)).at(-3)! + 40);
    await refused(folder, /damaged: record \d+ cannot be read/);
  });

  test('damage in what LMDB has already does not matter', async (t) => {
    const folder = await written(t, 20, 10);
    await damage(folder, (await recordOffsets(folder)).at(-15)! + 40);
    const storage = await start(folder);
    assert.deepEqual(await bodies(storage.log, 'd:a:b'), numbers(20));
    await storage.close();
  });

  test('a moved cursor is in it after a flush, and by itself a little later; a forgotten one is not', async (t) => {
    const root = await temporary(t);
    const folder = join(root, 'data');
    const storage = await start(folder, { ...unfilled, cursorMs: 1 });
    const at = (place: number) => ({ position: place, last: place, started: true, toldDelivered: 0, toldRead: 0, toldOwnRead: 0 });
    storage.cursors.moveDevice('b', 'phone', 'd:a:b', at(1));
    while ((await recordOffsets(folder)).length === 0) await new Promise((resolve) => setImmediate(resolve));
    await crash(folder, join(root, 'later'));
    storage.cursors.moveDevice('b', 'phone', 'd:a:b', at(2));
    await storage.cursors.moveDelivered('b', 'd:a:b', 2, 100);
    storage.cursors.moveDevice('b', 'tablet', 'd:a:b', at(2));
    await storage.cursors.forgetDevice('b', 'tablet');
    await storage.cursors.flush();
    await crash(folder, join(root, 'flushed'));
    await storage.close();

    const later = await start(join(root, 'later'));
    assert.deepEqual(await later.cursors.device('b', 'phone', 'd:a:b'), at(1));
    await later.close();
    const flushed = await start(join(root, 'flushed'));
    assert.deepEqual(await flushed.cursors.device('b', 'phone', 'd:a:b'), at(2));
    assert.equal((await flushed.cursors.user('b', 'd:a:b')).start, 2);
    assert.equal(await flushed.cursors.device('b', 'tablet', 'd:a:b'), undefined);
    await flushed.close();
  });

  test('segments go round, whatever was written before', async (t) => {
    const folder = await temporary(t);
    const body = Buffer.alloc(20_000, 'x');
    let storage = await start(folder);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100; i++) await storage.log.append([append('d:a:b', 'a', body), append('d:a:b', 'b', body)]);
      await storage.close();
      storage = await start(folder);
    }
    assert.equal((await storage.log.head('d:a:b'))?.head, 600);
    assert.ok((await readdir(join(folder, 'journal'))).length <= small.segments!);
    await storage.close();
  });

  test('a segment is used again only when LMDB has all of it', async (t) => {
    const segments = new Segments(await temporary(t), 64 * 1024, 4);
    await segments.start();
    const write = async (lsn: number): Promise<string> => {
      const segment = await segments.place(40 * 1024);
      segment.used += 40 * 1024;
      segment.lastLsn = lsn;
      return segment.path;
    };
    const paths = [await write(1), await write(2), await write(3), await write(4)];
    assert.equal(new Set(paths).size, 4);
    segments.applied(2);
    assert.deepEqual([await write(5), await write(6)].sort(), paths.slice(0, 2).sort());
    let waited = true;
    const next = write(7).finally(() => (waited = false));
    segments.applied(2);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(waited, 'all of them hold what LMDB has not');
    segments.applied(3);
    assert.equal(await next, paths[2]);
    await segments.close();
  });

  test('a record that fits no segment is refused, and the store goes on until then', async (t) => {
    const storage = await start(await temporary(t));
    await assert.rejects(storage.log.append([append('d:a:b', 'a', Buffer.alloc(small.segmentBytes! + 1))]), /does not fit/);
    await assert.rejects(storage.log.append([append('d:a:b', 'a', 'x')]), /does not fit/);
    await storage.close();
  });

  test('a full disk is never acknowledged', { skip: process.platform !== 'linux' && 'no /dev/full here' }, async (t) => {
    const folder = await temporary(t);
    const storage = await start(folder, { ...small, ...unfilled });
    await storage.log.append([append('d:a:b', 'a', '1')]);
    await crash(folder, `${folder}-before`);
    t.after(() => rm(`${folder}-before`, { recursive: true }));
    // The lowest free number is given to the next file: the store's writes go where every write is refused.
    const full = readdirSync('/proc/self/fd').filter((fd) => linkOf(fd)?.startsWith(join(folder, 'journal')));
    for (const fd of full) {
      closeSync(Number(fd));
      assert.equal(openSync('/dev/full', 'r+'), Number(fd));
    }
    const lost = append('d:a:b', 'a', '2');
    await assert.rejects(storage.log.append([lost]), { code: 'ENOSPC' });
    assert.deepEqual(await bodies(storage.log, 'd:a:b'), ['1']);
    await assert.rejects(storage.cursors.setRead('a', 'd:a:b', 1, 1), { code: 'ENOSPC' });
    await assert.rejects(storage.log.append([again(lost)]), { code: 'ENOSPC' });
    await storage.close();
    const reopened = await start(`${folder}-before`);
    assert.deepEqual(await bodies(reopened.log, 'd:a:b'), ['1']);
    await reopened.close();
  });
});

/** A process whose files may not grow beyond a size: LMDB meets it, the journal's segments are smaller. */
test('what LMDB cannot write ends the acknowledging, and is not lost', { skip: process.platform === 'win32' && 'no ulimit here' }, async (t) => {
  const folder = await temporary(t);
  const child = spawn('sh', ['-c', 'ulimit -f 3000; exec "$0" "$@"', process.execPath, CRAMPED, folder], { stdio: ['ignore', 'pipe', 'ignore'] });
  const said = JSON.parse((await once(createInterface({ input: child.stdout }), 'line'))[0]) as { acknowledged: number; errors: string[] };
  assert.ok(said.acknowledged > 10);
  assert.deepEqual(said.errors, Array(3).fill('LMDB could not commit: Input/output error'));
  const storage = await start(folder);
  const { head } = (await storage.log.head('d:a:b'))!;
  assert.ok(head === said.acknowledged || head === said.acknowledged + 1, `${head} are there, ${said.acknowledged} were acknowledged`);
  await storage.close();
});

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

describe('the data folder', () => {
  const held = async (t: TestContext, folder: string): Promise<{ child: ChildProcess; said: string }> => {
    const child = spawn(process.execPath, [HOLDER, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    const [said] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    return { child, said };
  };

  for (const [what, path] of [['', 'data'], [', also by a path too long for a socket', join('d'.repeat(100), 'data')]]) {
    test(`belongs to one process until that is dead${what}`, async (t) => {
      const folder = join(await temporary(t), path);
      const { child, said } = await held(t, folder);
      assert.equal(said, 'open');
      await assert.rejects(start(folder), /^StorageOpenError: the data folder .* is in use by another process$/);
      assert.match((await held(t, folder)).said, /in use by another process/);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const storage = await start(folder);
      await assert.rejects(start(folder), /in use/);
      await storage.close();
      await (await start(folder)).close();
    });
  }

  test('of a newer format is refused', async (t) => {
    const folder = await written(t, 3, 3);
    const format = JSON.parse(await readFile(join(folder, 'format.json'), 'utf8'));
    await writeFile(join(folder, 'format.json'), JSON.stringify({ ...format, format: 99 }));
    await refused(folder, /has format 99/);
  });

  test('that is corrupt is refused', async (t) => {
    const folder = await written(t, 3, 3);
    const format = await readFile(join(folder, 'format.json'));
    const data = join(folder, 'db', 'data.mdb');
    const whole = await readFile(data);

    await writeFile(join(folder, 'format.json'), 'not json');
    await refused(folder, /corrupt: format.json cannot be read/);
    await rm(join(folder, 'format.json'));
    await refused(folder, /corrupt: format.json is missing/);
    await writeFile(join(folder, 'format.json'), format);

    await truncate(data, 5000);
    await refused(folder, /corrupt/);
    await truncate(data, BLOCK * 3);
    await refused(folder, /corrupt/);
    await writeFile(data, Buffer.alloc(whole.length, 'garbage'));
    await refused(folder, /corrupt/);

    await rm(data);
    await refused(folder, /corrupt: db\/data.mdb is missing/);

    await writeFile(data, whole);
    await rename(join(folder, 'journal'), join(folder, 'elsewhere'));
    await refused(folder, /corrupt: journal is missing/);
    await rename(join(folder, 'elsewhere'), join(folder, 'journal'));

    const storage = await start(folder);
    assert.deepEqual(await bodies(storage.log, 'd:a:b'), numbers(3));
    await storage.close();
  });

  test('that cannot be one is refused', async (t) => {
    const root = await temporary(t);
    await writeFile(join(root, 'file'), '');
    await assert.rejects(start(join(root, 'file')), /^StorageOpenError: cannot open the data folder/);
    await assert.rejects(start(join(root, 'file', 'below')), /^StorageOpenError: cannot open the data folder/);
  });
});

describe('a backup', () => {
  test('holds what was acknowledged before it, while others write on', async (t) => {
    const root = await temporary(t);
    const storage = await start(join(root, 'data'));
    await storage.directory.addUser('a', 1);
    let stop = false;
    let acknowledged = 0;
    const writing = (async () => {
      while (!stop) {
        await storage.log.append([append('d:a:b', 'a', `${acknowledged + 1}`), append('d:a:c', 'a', 'x'.repeat(500))]);
        acknowledged++;
      }
    })();
    while (acknowledged < 200) await new Promise((resolve) => setImmediate(resolve));
    const before = acknowledged;
    await storage.cursors.setRead('b', 'd:a:b', before, 1);
    const { bytes, entries } = await storage.backup(join(root, 'backup'));
    stop = true;
    await writing;
    assert.ok(bytes > 10_000);
    assert.ok(entries >= before * 2 && entries <= acknowledged * 2);
    await assert.rejects(storage.backup(join(root, 'backup')), /is not empty/);
    await storage.close();

    const copy = await start(join(root, 'backup'));
    const head = (await copy.log.head('d:a:b'))!.head;
    assert.ok(head >= before);
    assert.deepEqual(await bodies(copy.log, 'd:a:b'), numbers(head));
    assert.equal((await copy.cursors.user('b', 'd:a:b')).read, before);
    assert.ok(await copy.directory.user('a'));
    await copy.close();
  });

  test('restored begins a new term, once', async (t) => {
    const root = await temporary(t);
    const storage = await start(join(root, 'data'));
    await storage.log.append(numbers(3).map((number) => append('d:a:b', 'a', number)));
    await storage.backup(join(root, 'backup'));
    await storage.close();

    await assert.rejects(restoreBackup(join(root, 'backup'), join(root, 'data')), /is not empty/);
    await mkdir(join(root, 'empty'));
    await assert.rejects(restoreBackup(join(root, 'empty'), join(root, 'new')), /is not a backup/);
    await assert.rejects(restoreBackup(join(root, 'nothing'), join(root, 'new')), /is not a backup/);
    await restoreBackup(join(root, 'backup'), join(root, 'new'));

    // Killed between its start and the first append, it is still a new term, and the same one.
    const first = await start(join(root, 'new'));
    await crash(join(root, 'new'), join(root, 'crashed'));
    await first.close();
    const restored = await start(join(root, 'crashed'));
    const one = append('d:a:b', 'a', '4');
    await restored.log.append([one]);
    assert.equal(one.seq, 2 ** 32 + 4);
    assert.deepEqual(await restored.log.holes('d:a:b'), [{ from: 4, to: 2 ** 32 + 3, reason: Reason.LOST }]);
    assert.deepEqual(await bodies(restored.log, 'd:a:b'), numbers(4));
    await restored.close();
  });
});
