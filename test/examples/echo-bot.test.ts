import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Code, createClient, memoryStore, type Client, type Store } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { Recorder, texts } from '../sdk/fixtures.js';
import { tokenFor } from '../support/address.js';
import { temporaryFolder } from '../support/folder.js';
import { startGodwit } from '../support/godwit.js';
import { httpCall } from '../support/http.js';
import { until } from '../support/recorder.js';

const bot = fileURLToPath(new URL('../../../examples/echo-bot/bot.js', import.meta.url));
const killer = new URL('./kill-at.js', import.meta.url).href;

interface Run {
  /** Resolves with what it has printed when it is connected, or has ended before. */
  connected: Promise<unknown>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; errors: string }>;
  /** Lines on stderr so far. */
  complaints(): string[];
  stop(): void;
}

/** A server, what the bot keeps, and starting both it (KILL_AT: see `kill-at`) and those who talk to it. */
async function world(t: TestContext) {
  const server = await startGodwit(t);
  const folder = join(await temporaryFolder(t), 'echo');
  const url = `mqtt://127.0.0.1:${server.mqttPort}`;
  const run = (killAt = 0): Run => {
    const env = { PATH: process.env.PATH, URL: url, TOKEN: tokenFor(server, 'echo'), FOLDER: folder, KILL_AT: String(killAt) };
    const child = spawn(process.execPath, ['--import', killer, bot], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
    const ended = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null, errors }));
    const connected = new Promise((resolve) => {
      let printed = '';
      child.stdout.on('data', (chunk: Buffer) => /^connected$/m.test((printed += String(chunk))) && resolve(printed));
    });
    return { connected: Promise.race([connected, ended]), ended, complaints: () => errors.split('\n').slice(0, -1), stop: () => child.kill('SIGTERM') };
  };
  const user = async (name: string, store: Store = memoryStore()): Promise<Client> => {
    const client = await createClient({ url, token: () => tokenFor(server, name), store });
    t.after(() => client.close());
    await client.connect();
    return client;
  };
  return { server, folder, run, user };
}

test('the echo bot, killed with -9 at every step of its work, answers each text once, in order', { timeout: 120_000 }, async (t) => {
  const { run, user } = await world(t);
  // Once without a kill, so that others may write to it.
  const first = run();
  await first.connected;
  first.stop();
  assert.deepEqual(await first.ended, { code: 0, signal: null, errors: '' });

  const alice = await user('alice');
  const heard = new Recorder(alice, 'message', 'gap');
  const asked: string[] = [];
  let kills = 0;
  // Two texts take a run some 15 steps, fewer where writes coincide.
  for (let killAt = 1; killAt <= 18; killAt++) {
    for (const part of ['a', 'b']) {
      asked.push(`${killAt} ${part}`);
      await alice.send('echo', asked.at(-1)!).until('sent');
    }
    const attempt = run(killAt);
    const answered = heard.until((events) => events.length >= asked.length);
    const { signal } = await Promise.race([attempt.ended, answered.then(() => (attempt.stop(), attempt.ended))]);
    if (signal === 'SIGKILL') kills++;
    // What was left undone is done by the next run, before anything new.
    const next = run();
    await Promise.all([answered, next.connected]);
    next.stop();
    assert.deepEqual(await next.ended, { code: 0, signal: null, errors: '' });
  }
  assert.ok(kills >= 10, `only ${kills} kills`);
  // Behind whatever an extra answer would have been.
  const last = run();
  await alice.sendRaw('echo', 'last').until('sent');
  asked.push('last');
  await heard.until((events) => events.at(-1)?.type === 'message' && texts(events).at(-1) === 'last');
  await last.connected;
  last.stop();
  assert.deepEqual(await last.ended, { code: 0, signal: null, errors: '' });
  assert.deepEqual(texts(heard.events), asked);
  const kinds = heard.events.map((event) => event.type === 'message' && event.content.kind);
  assert.deepEqual(kinds, asked.map((text) => (text === 'last' ? 'bare' : 'text')), 'plain bytes are answered with plain bytes');
  t.diagnostic(`${kills} kills, ${asked.length} texts`);
});

test('the echo bot tells of an answer that is refused for good, forgets it, and goes on', { timeout: 60_000 }, async (t) => {
  const { server, folder, run, user } = await world(t);
  // An earlier run ended before it could forget one.
  await mkdir(folder);
  const earlier = await user('echo', await levelStore(join(folder, 'store')));
  const left = earlier.send('nobody', 'answer');
  await assert.rejects(left.until('sent'), { code: Code.UNKNOWN_USER });
  await earlier.close();

  const [alice, bob] = [await user('alice'), await user('bob')];
  const heard = new Recorder(bob, 'message');
  await alice.send('echo', 'from one who leaves').until('sent');
  await alice.close();
  assert.equal((await httpCall(server, 'ops', 'admin.users.remove', { user: 'alice' }, { admin: true })).status, 200);
  const attempt = run();
  await attempt.connected;
  await bob.send('echo', 'hello').until('sent');
  await heard.until(1);
  assert.deepEqual(texts(heard.events), ['hello']);
  await until('both refusals are told', () => attempt.complaints().length >= 2);
  attempt.stop();
  assert.equal((await attempt.ended).code, 0);
  const lines = attempt.complaints();
  assert.equal(lines.length, 2);
  assert.match(lines[0], new RegExp(`^answer ${left.id} in d:echo:nobody was refused: there is no such user$`));
  assert.match(lines[1], /^answer \w{26} in d:alice:echo was refused: there is no such user$/);
  const later = await user('echo', await levelStore(join(folder, 'store')));
  assert.deepEqual(later.outbox(), []);
});
