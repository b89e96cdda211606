import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createClient, memoryStore, type Client } from 'godwit-client';
import { missing, Program } from '../foreign/program.js';
import { Recorder, texts } from '../sdk/fixtures.js';
import { tokenFor } from '../support/address.js';
import type { Scope } from '../support/folder.js';
import { SECRET, startGodwit, type TestServer } from '../support/godwit.js';
import { modulesOf, typeErrors, writeModules } from './modules.js';

const guide = fileURLToPath(new URL('../../../docs/guide/', import.meta.url));
const pages = readdirSync(guide);

/** The modules of a page in a folder of their own, with the ports of this server in them. */
function placed(t: Scope, page: string, server: TestServer): string {
  const modules = modulesOf(`docs/guide/${page}`);
  const ours = (code: string): string => code.replaceAll('127.0.0.1:1883', `127.0.0.1:${server.mqttPort}`).replaceAll('127.0.0.1:8080', `127.0.0.1:${server.httpPort}`);
  return writeModules(t, new Map([...modules].map(([name, code]) => [name, ours(code)])));
}

/** Runs a module with a token of this user. */
function run(t: Scope, server: TestServer, file: string, user: string): Program {
  return Program.start(t, 'env', [`TOKEN=${tokenFor(server, user)}`, process.execPath, file]);
}

async function known(t: Scope, server: TestServer, user: string, token: string = tokenFor(server, user)): Promise<Client> {
  const client = await createClient({ url: `mqtt://127.0.0.1:${server.mqttPort}`, token, store: memoryStore() });
  t.after(() => client.close());
  await client.connect();
  return client;
}

describe('the guide', { timeout: 60_000 }, () => {
  test('each page fits on a screen or two, and its modules have right types', (t) => {
    const all = new Map<string, string>();
    for (const page of pages) {
      assert.ok(readFileSync(join(guide, page), 'utf8').split('\n').length <= 80, page);
      for (const [name, code] of modulesOf(`docs/guide/${page}`)) all.set(`${page.replace('.md', '')}-${name}`, code);
    }
    assert.ok(all.size >= 7, [...all.keys()].join());
    assert.equal(typeErrors(writeModules(t, all), all.keys()), '');
  });

  test('first message: bob prints it, alice sees it read', async (t) => {
    const server = await startGodwit(t);
    placed(t, 'first-message.md', server);
    const bob = run(t, server, 'bob.js', 'bob');
    await bob.printed(/^bob listens$/);
    const alice = run(t, server, 'alice.js', 'alice');
    assert.equal(await alice.ended, 0, alice.stderr);
    assert.deepEqual(bob.lines, ['bob listens', 'alice: hello, bob']);
    assert.equal(alice.lines.at(-1), 'read');
  });

  test('offline: written in the tunnel, sent by daylight; a refusal is told', async (t) => {
    const server = await startGodwit(t);
    placed(t, 'offline.md', server);
    assert.equal(await run(t, server, 'tunnel.js', 'alice').ended, 0);
    const refused = run(t, server, 'daylight.js', 'alice');
    assert.equal(await refused.ended, 0, refused.stderr);
    assert.deepEqual(refused.lines, ['queued: from the tunnel', 'failed: UNKNOWN_USER']);

    const heard = new Recorder(await known(t, server, 'bob'), 'message');
    const tunnel = run(t, server, 'tunnel.js', 'alice');
    assert.equal(await tunnel.ended, 0, tunnel.stderr);
    assert.deepEqual(tunnel.lines, ['queued']);
    const daylight = run(t, server, 'daylight.js', 'alice');
    assert.equal(await daylight.ended, 0, daylight.stderr);
    assert.deepEqual(daylight.lines, ['failed: from the tunnel', 'queued: from the tunnel', 'failed: UNKNOWN_USER', 'sent: place 1']);
    await heard.until(1);
    assert.deepEqual(texts(heard.events), ['from the tunnel']);
  });

  test('tokens: what Node signs lets its user in', async (t) => {
    const server = await startGodwit(t);
    const folder = placed(t, 'tokens.md', server);
    process.env.AUTH_SECRET = SECRET;
    const { tokenFor: sign } = (await import(pathToFileURL(join(folder, 'token.js')).href)) as { tokenFor(user: string): Promise<string> };
    assert.equal((await known(t, server, 'alice', await sign('alice'))).user, 'alice');
  });

  test('tokens: what Python signs does, too', { skip: missing('python3') }, async (t) => {
    const server = await startGodwit(t);
    const folder = placed(t, 'tokens.md', server);
    const [, code] = /```python\n([\s\S]*?)```/.exec(readFileSync(join(guide, 'tokens.md'), 'utf8'))!;
    writeFileSync(join(folder, 'token_for.py'), code);
    const token = execFileSync('python3', ['-c', 'from token_for import token_for; print(token_for("bob"))'], { env: { ...process.env, AUTH_SECRET: SECRET } });
    assert.equal((await known(t, server, 'bob', String(token).trim())).user, 'bob');
  });

  test('bots: one tells the time, ends when told to; a script sends by HTTP, once for each id', async (t) => {
    const server = await startGodwit(t);
    const folder = placed(t, 'bots.md', server);
    await (await known(t, server, 'clock')).close();
    const alice = await known(t, server, 'alice');
    const heard = new Recorder(alice, 'message');
    const bot = run(t, server, 'bot.js', 'clock');
    await alice.send('clock', 'time?').until('read');
    await heard.until(1);
    assert.match(texts(heard.events)[0]!, /^\d{4}-\d\d-\d\dT/);
    assert.equal(await bot.kill('SIGTERM'), 0, bot.stderr);

    process.env.TOKEN = tokenFor(server, 'clock');
    const { notify } = (await import(pathToFileURL(join(folder, 'notify.js')).href)) as { notify(to: string, text: string, id?: Uint8Array): Promise<unknown> };
    const id = crypto.getRandomValues(new Uint8Array(16));
    const first = await notify('alice', 'ding', id);
    assert.deepEqual(await notify('alice', 'ding', id), first);
    await notify('alice', 'dong');
    await heard.until((events) => texts(events).includes('dong'));
    assert.deepEqual(texts(heard.events).slice(1), ['ding', 'dong']);
    await assert.rejects(notify('nobody', 'ding'), /UNKNOWN_USER/);
  });

  test('React: the page shows the hook of the example', () => {
    const hook = readFileSync(fileURLToPath(new URL('../../../examples/react/use-conversation.js', import.meta.url)), 'utf8');
    assert.ok(readFileSync(join(guide, 'react.md'), 'utf8').includes(`\`\`\`js\n${hook}\`\`\``));
  });
});
