import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MessageSchema, fromBinary } from 'godwit-schemas';
import { EntryState, type Entry, type Window } from '../../broker/ports/conversation-log.js';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';
import { joinedAt, leftAt } from '../../broker/ports/windows.js';
import { append, changeOf } from './appends.js';
import { small } from './backend.js';
import type { Intent } from './crash-child.js';
import { generator } from './random.js';

const CHILD = fileURLToPath(new URL('./crash-child.js', import.meta.url));
const ROUNDS = 8;

interface Place {
  conversation: string;
  seq: number;
}

interface Line {
  intents?: Intent[];
  acked?: (Intent & { seq: number; duplicate: boolean })[];
  erased?: Place;
  trimming?: Place;
  trimmed?: Place;
  read?: Place;
  user?: string;
}

/** What the killed processes were told is done, and what they may have done. */
class Told {
  readonly intents = new Map<string, Intent>();
  /** Identity → seq. */
  readonly acked = new Map<string, number>();
  readonly erased = new Set<string>();
  readonly trimming = new Map<string, number>();
  readonly trimmed = new Map<string, number>();
  readonly read = new Map<string, number>();
  readonly users: string[] = [];

  take(line: Line): void {
    for (const intent of line.intents ?? []) this.intents.set(identity(intent), intent);
    for (const ack of line.acked ?? []) {
      const key = identity(ack);
      const known = this.acked.get(key);
      if (known === undefined) this.acked.set(key, ack.seq);
      // A resend of what was trimmed is new; of all else it gets the first answer.
      else if (known > (this.trimming.get(ack.conversation) ?? 0)) assert.deepEqual([ack.seq, ack.duplicate], [known, true], `a resend in ${ack.conversation}`);
      else this.acked.set(key, ack.seq);
    }
    if (line.erased) this.erased.add(`${line.erased.conversation} ${line.erased.seq}`);
    for (const [place, map] of [[line.trimming, this.trimming], [line.trimmed, this.trimmed], [line.read, this.read]] as const) {
      if (place) map.set(place.conversation, Math.max(place.seq, map.get(place.conversation) ?? 0));
    }
    if (line.user) this.users.push(line.user);
  }

  /** What nobody was answered about, and some that were. */
  resends(random: (below: number) => number): Intent[] {
    return [...this.intents].filter(([key]) => !this.acked.has(key) || random(10) === 0).map(([, intent]) => intent);
  }
}

test('kill -9 at any time loses, repeats and reorders nothing that was acknowledged', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'godwit-crash-'));
  const folder = join(root, 'data');
  const told = new Told();
  const random = generator(7);
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      await writeFile(join(root, 'resend.json'), JSON.stringify(told.resends(random)));
      await runAndKill(folder, round, join(root, 'resend.json'), 20 + random(150), told, t);
      // A look at a copy, so that the next process finds what the killed one left.
      await cp(folder, join(root, 'copy'), { recursive: true, filter: (path) => !path.endsWith('.sock') });
      await check(join(root, 'copy'), told);
      await rm(join(root, 'copy'), { recursive: true });
    }
    assert.ok(told.acked.size > 1000, `only ${told.acked.size} were acknowledged`);
  } finally {
    await rm(root, { recursive: true });
  }
});

/** Runs the child until it has printed so many lines, kills it, and takes what it printed until then. */
async function runAndKill(folder: string, seed: number, resends: string, lines: number, told: Told, t: TestContext): Promise<void> {
  const child = spawn(process.execPath, [CHILD, folder, String(seed), resends], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  t.after(() => child.kill('SIGKILL'));
  let seen = 0;
  let rest = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    const whole = (rest + chunk).split('\n');
    rest = whole.pop()!;
    for (const line of whole) told.take(JSON.parse(line) as Line);
    seen += whole.length;
    if (seen >= lines) child.kill('SIGKILL');
  }
  const [, signal] = await exit;
  assert.equal(signal, 'SIGKILL', 'it ended by itself');
}

async function check(folder: string, told: Told): Promise<void> {
  const storage = await openEmbeddedStorage({ folder, now: Date.now, limits: small });
  try {
    for (const conversation of new Set([...told.acked.keys()].map((key) => key.split(' ')[0]))) {
      const head = (await storage.log.head(conversation))!;
      const entries = await storage.log.read(conversation, 1, { entries: 1e9, bytes: 1e9 });
      assert.deepEqual(entries.map((entry) => entry.seq), Array.from({ length: head.head - head.first + 1 }, (_, i) => head.first + i), `places of ${conversation}`);
      assert.ok(head.first > (told.trimmed.get(conversation) ?? 0));
      assert.equal(head.counted, head.head);
      assert.deepEqual(await storage.log.holes(conversation), []);
      for (const member of await storage.log.membersOf(conversation)) assert.ok((await storage.log.conversationsOf(member)).includes(conversation));

      for (const user of head.first === 1 ? ['a', 'b', 'c'] : []) {
        const own = entries.filter(({ buffer, start, end }) => fromBinary(MessageSchema, buffer.subarray(start, end)).from === user);
        assert.deepEqual(await storage.log.ownOf(conversation, user), { counted: own.length, last: own.at(-1)?.seq ?? 0 }, `what ${user} wrote into ${conversation}`);
      }

      const found = new Map<string, number>();
      for (const entry of entries) {
        const message = fromBinary(MessageSchema, entry.buffer.subarray(entry.start, entry.end));
        const key = identity({ conversation, from: message.from, id: Buffer.from(message.id).toString('hex') });
        assert.ok(!found.has(key), `${key} is there twice`);
        found.set(key, entry.seq);
        assert.ok(told.intents.has(key), `nobody sent ${key}`);
        if (entry.state === EntryState.Live) assert.equal(Buffer.from(message.body).toString(), told.intents.get(key)!.body);
        if (told.erased.has(`${conversation} ${entry.seq}`)) assert.equal(entry.state, EntryState.Erased);
      }
      for (const [key, seq] of told.acked) {
        if (key.startsWith(`${conversation} `) && seq >= head.first) assert.equal(found.get(key), seq, `the place of ${key}`);
      }
      if (conversation === 'g:all') for (const user of ['a', 'b', 'c']) assert.deepEqual(await storage.log.windowsOf(conversation, user), windowsBy(entries, user), `when ${user} was in the group`);
      const resent = [...found].map(([key, seq]) => ({ seq, append: append(conversation, key.split(' ')[1], 'x', { id: Buffer.from(key.split(' ')[2], 'hex') }) }));
      await storage.log.append(resent.map((one) => one.append));
      assert.ok(resent.every((one) => one.append.duplicate && one.append.seq === one.seq), 'resends are known');
      assert.ok((await storage.cursors.user('a', conversation)).read >= (told.read.get(conversation) ?? 0));
      assert.ok((await storage.cursors.user('b', conversation)).delivered <= head.head);
    }
    for (const user of told.users) assert.ok(await storage.directory.user(user), `${user} is gone`);
  } finally {
    await storage.close();
  }
}

/** When a user was in the group, by what its entries say. */
function windowsBy(entries: readonly Entry[], user: string): readonly Window[] {
  let windows: readonly Window[] = [];
  for (const { buffer, start, end, seq } of entries) {
    const { from, body } = fromBinary(MessageSchema, buffer.subarray(start, end));
    if (from !== '') continue;
    const { joined, left } = changeOf(Buffer.from(body).toString());
    if (joined.includes(user)) windows = joinedAt(windows, seq);
    if (left.includes(user)) windows = leftAt(windows, seq);
  }
  return windows;
}

function identity({ conversation, from, id }: { conversation: string; from: string; id: string }): string {
  return `${conversation} ${from} ${id}`;
}
