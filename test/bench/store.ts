/**
 * What the embedded store costs by itself: `node dist/test/bench/store.js [workload ...]`.
 *
 * CPU is that of the whole process (LMDB's writer and the thread pool included) and of its main thread alone, per
 * entry; everything is durable before it counts. `start` needs some 500 MB of disk and is run only when named.
 */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createUlid } from 'godwit-schemas';
import type { Append } from '../../broker/ports/conversation-log.js';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';
import type { EmbeddedStorage } from '../../plugins/store-embedded/index.js';

const BODY = 180;
const nextId = createUlid();

function message(pair: number): Append {
  const id = nextId();
  const buffer = Buffer.alloc(18 + 3 + BODY, 'x');
  buffer[0] = 0x0a;
  buffer[1] = 16;
  buffer.set(id, 2);
  buffer[18] = 0x12;
  buffer[19] = (BODY & 0x7f) | 0x80;
  buffer[20] = BODY >> 7;
  const from = `alice${pair}`;
  return {
    conversation: `d:${from}:bob${pair}`,
    members: [from, `bob${pair}`],
    from,
    fromDevice: 'phone',
    id,
    buffer,
    start: 0,
    end: buffer.length,
    aux: undefined,
    flags: 0,
    epoch: 0,
    expiresInS: 0,
    code: 0,
    seq: 0,
    sentAtMs: 0,
    duplicate: false,
  };
}

/** Nanoseconds that the main thread was on a CPU. */
function mainThread(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]);
}

async function measured(label: string, entries: number, commits: number, run: () => Promise<void>): Promise<void> {
  const cpu = process.cpuUsage();
  const main = mainThread();
  const began = performance.now();
  await run();
  const seconds = (performance.now() - began) / 1000;
  const used = process.cpuUsage(cpu);
  const total = used.user + used.system;
  const mainUs = (mainThread() - main) / 1000;
  console.log(
    `${label.padEnd(34)} ${(entries / seconds).toFixed(0).padStart(8)}/s  CPU/entry ${(total / entries).toFixed(2)} us (main ${(mainUs / entries).toFixed(2)})` +
      (commits > 0 ? `  CPU/commit ${(total / commits).toFixed(0)} us (main ${(mainUs / commits).toFixed(0)})  ${((seconds * 1e6) / commits).toFixed(0)} us each` : ''),
  );
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-store-bench-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Batches of so many entries for each of so many pairs, one commit behind the other. */
async function appends(storage: EmbeddedStorage, pairs: number, each: number, commits: number): Promise<void> {
  const batch = Array.from({ length: pairs * each }, (_, i) => message(i % pairs));
  await measured(`append, ${batch.length} a commit`, commits * batch.length, commits, async () => {
    for (let i = 0; i < commits; i++) {
      // The same objects again with new ids: what the engine makes is not the store's cost.
      for (const one of batch) renew(one);
      await storage.log.append(batch);
    }
  });
}

let renewed = 0;

/** A new id that is higher than all before it, in the message and in its bytes. */
function renew(one: Append): void {
  renewed++;
  one.id[0] = one.buffer[2] = 0xff;
  for (let i = 0; i < 4; i++) one.id[1 + i] = one.buffer[3 + i] = renewed >>> (24 - 8 * i);
}

async function drain(folder: string, conversation: string, label: string): Promise<void> {
  const storage = await openEmbeddedStorage({ folder, now: Date.now });
  const head = (await storage.log.head(conversation))!.head;
  await measured(label, head, 0, async () => {
    let seq = 0;
    while (seq < head) {
      const page = await storage.log.read(conversation, seq + 1, { entries: 128, bytes: 262_144 });
      seq = page.at(-1)!.seq;
    }
  });
  await storage.close();
}

const workloads = new Map<string, () => Promise<void>>([
  ['append', () => inFolder(async (folder) => {
    const storage = await openEmbeddedStorage({ folder, now: Date.now });
    await appends(storage, 50, 16, 50);
    await appends(storage, 50, 16, 500);
    await appends(storage, 50, 1, 4000);
    await appends(storage, 2, 1, 4000);
    await storage.close();
  })],
  ['drain', () => inFolder(async (folder) => {
    const storage = await openEmbeddedStorage({ folder, now: Date.now });
    for (let i = 0; i < 200; i++) await storage.log.append(Array.from({ length: 1000 }, (_, j) => message(j % 5)));
    await storage.close();
    await drain(folder, 'd:alice0:bob0', 'drain, filled at full speed');
    await drain(folder, 'd:alice1:bob1', 'drain, again');
  })],
  ['drain-slow', () => inFolder(async (folder) => {
    // A fill for every ten entries: the chunks of a conversation that is written now and then.
    const storage = await openEmbeddedStorage({ folder, now: Date.now });
    for (let i = 0; i < 2000; i++) {
      await storage.log.append(Array.from({ length: 10 }, () => message(0)));
      await storage.fill();
    }
    await storage.close();
    await drain(folder, 'd:alice0:bob0', 'drain, filled slowly');
  })],
  ['start', () => inFolder(async (folder) => {
    await fill(folder, 100_000, 10);
    const began = performance.now();
    const storage = await openEmbeddedStorage({ folder, now: Date.now });
    console.log(`start after kill -9, 100,000 conversations, 1,000,000 messages: ${(performance.now() - began).toFixed(0)} ms, ${storage.replayed} records replayed`);
    await storage.close();
  })],
]);

/** Another process fills the folder and is killed. */
async function fill(folder: string, conversations: number, each: number): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['fill-and-die', folder, String(conversations), String(each)]);
  await new Promise((resolve) => child.once('exit', resolve));
}

async function fillAndDie(folder: string, conversations: number, each: number): Promise<void> {
  const storage = await openEmbeddedStorage({ folder, now: Date.now });
  for (let round = 0; round < each; round++) {
    for (let from = 0; from < conversations; from += 1000) {
      await storage.log.append(Array.from({ length: 1000 }, (_, i) => message(from + i)));
    }
  }
  process.kill(process.pid, 'SIGKILL');
}

const names = process.argv.slice(2);
if (names[0] === 'fill-and-die') {
  await fillAndDie(names[1], Number(names[2]), Number(names[3]));
} else {
  for (const name of names.length > 0 ? names : ['append', 'drain', 'drain-slow']) await workloads.get(name)!();
}
