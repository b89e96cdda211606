import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createClient, memoryStore, type Client } from 'godwit-client';
import { Recorder, texts } from '../sdk/fixtures.js';
import { tokenFor } from '../support/address.js';
import { temporaryFolder } from '../support/folder.js';
import { startGodwit } from '../support/godwit.js';

const bot = fileURLToPath(new URL('../../../examples/echo-bot/bot.js', import.meta.url));
const killer = new URL('./kill-at.js', import.meta.url).href;

interface Run {
  /** Resolves with what it has printed when it is connected, or has ended before. */
  connected: Promise<unknown>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; errors: string }>;
  stop(): void;
}

test('the echo bot, killed with -9 at every step of its work, answers each text once, in order', { timeout: 120_000 }, async (t) => {
  const server = await startGodwit(t);
  const folder = await temporaryFolder(t);
  const url = `mqtt://127.0.0.1:${server.mqttPort}`;

  function run(killAt: number): Run {
    const env = { PATH: process.env.PATH, URL: url, TOKEN: tokenFor(server, 'echo'), FOLDER: join(folder, 'echo'), KILL_AT: String(killAt) };
    const child = spawn(process.execPath, ['--import', killer, bot], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
    const ended = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null, errors }));
    const connected = new Promise((resolve) => {
      let printed = '';
      child.stdout.on('data', (chunk: Buffer) => /^connected$/m.test((printed += String(chunk))) && resolve(printed));
    });
    return { connected: Promise.race([connected, ended]), ended, stop: () => child.kill('SIGTERM') };
  }

  async function user(name: string): Promise<Client> {
    const client = await createClient({ url, token: () => tokenFor(server, name), store: memoryStore() });
    t.after(() => client.close());
    await client.connect();
    return client;
  }

  // Once without a kill, so that others may write to it.
  const first = run(0);
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
    const next = run(0);
    await Promise.all([answered, next.connected]);
    next.stop();
    assert.deepEqual(await next.ended, { code: 0, signal: null, errors: '' });
  }
  assert.ok(kills >= 10, `only ${kills} kills`);
  // Behind whatever an extra answer would have been.
  const last = run(0);
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
