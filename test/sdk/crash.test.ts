import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createClient, type Client } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { createUlid, ulidToString } from 'godwit-schemas';
import { FakeBroker } from './fake-broker.js';
import { fakeToken, texts } from './fixtures.js';

const child = fileURLToPath(new URL('./crash-child.js', import.meta.url));
const newId = createUlid();

/** Runs the app until it is killed at that step, or is done; how it ended. */
async function run(broker: FakeBroker, folder: string, name: string, dieAt: number): Promise<NodeJS.Signals | null> {
  const app = spawn(process.execPath, [child, broker.url, folder, name, String(dieAt)], { stdio: ['pipe', 'pipe', 'inherit'] });
  app.stdin.on('error', () => {});
  app.stdout.once('data', () => {
    for (const n of [0, 1, 2]) broker.say('bob', 'alice', { id: newId(), body: Buffer.from(`bob-${name}-${n}`), flags: 2 });
    const said = broker.log.entries('d:alice:bob').length;
    // Everything is delivered and acknowledged, or the app is dead.
    const done = (): boolean => {
      const session = broker.session('alice');
      return !session.connection || (session.unacknowledged.size === 0 && broker.log.entries('d:alice:bob').length >= said);
    };
    void broker.until(done).then(() => app.stdin.write('end\n'));
  });
  const [, signal] = (await once(app, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal;
}

async function reopened(broker: FakeBroker, folder: string): Promise<Client> {
  const client = await createClient({ url: broker.url, user: 'alice', token: fakeToken({ sub: 'alice' }), store: await levelStore(join(folder, 'store')) });
  await client.connect();
  await Promise.all(client.outbox().map((sent) => sent.until('sent')));
  return client;
}

test('an app killed before and after every write of its store loses and repeats nothing', { timeout: 60_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-crash-'));
  const broker = await FakeBroker.start();
  try {
    let killed = 0;
    // A run writes its identity, sends, results, messages and what was handed over: in 8 to 12 steps, as they coincide.
    for (let dieAt = 1; dieAt <= 12; dieAt++) if ((await run(broker, folder, `run${dieAt}`, dieAt)) === 'SIGKILL') killed++;
    assert.ok(killed >= 6, `only ${killed} kills`);
    assert.equal(await run(broker, folder, 'last', 0), null);
    const alice = await reopened(broker, folder);

    const log = broker.log.entries('d:alice:bob');
    const notes = (await readFile(join(folder, 'notes'), 'utf8')).trim().split('\n').map((line) => line.split(' '));
    const noted = (what: string): string[] => notes.flatMap(([first, second]) => (first === what ? [second] : []));

    const mine = log.filter(({ from }) => from === 'alice').map(({ message }) => ulidToString(message.id));
    assert.equal(new Set(mine).size, mine.length, 'nothing was sent twice');
    assert.deepEqual([...mine].sort(), mine, 'in the order of sending: ids rise');
    assert.deepEqual(noted('kept').filter((id) => !mine.includes(id)), [], 'whatever was kept was sent');

    const page = await alice.messages('bob', { limit: 10_000 });
    assert.deepEqual(texts(page), log.map(({ message }) => Buffer.from(message.body).toString()), 'the store has everything, once, in order');

    const heard = noted('heard');
    assert.equal(new Set(heard).size, heard.length, 'nothing was handed over twice without saying so');
    const told = new Set([...heard, ...noted('again')]);
    const fromBob = log.filter(({ from }) => from === 'bob').map(({ message }) => Buffer.from(message.body).toString());
    assert.deepEqual(fromBob.filter((text) => !told.has(text)), [], 'nothing was kept from the app');
    t.diagnostic(`${killed} kills; ${log.length} messages, ${noted('again').length} of them handed over again`);
    await alice.close();
  } finally {
    await broker.stop();
    await rm(folder, { recursive: true });
  }
});
