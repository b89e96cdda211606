import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Device } from '../support/device.js';
import { SECRET } from '../support/godwit.js';
import { ServeProcess, serveProcess } from '../support/process.js';
import { Shell } from './command.js';

/** A server, and a shell on its machine. */
async function machine(t: TestContext): Promise<{ server: ServeProcess; shell: Shell }> {
  const server = await serveProcess(t);
  const shell = await Shell.open(t, { GODWIT_DATA: server.data, GODWIT_AUTH_SECRET: SECRET });
  return { server, shell };
}

describe('godwit user', { concurrency: true }, () => {
  test('adds, lists and removes users', async (t) => {
    const { shell, server } = await machine(t);
    assert.match(await shell.ok('user', 'list'), /^no users yet/);
    assert.equal(await shell.ok('user', 'add', 'bob', 'alice'), 'bob was added\nalice was added\n');
    assert.equal(await shell.ok('user', 'add', 'alice'), 'alice exists already\n');
    await Device.connect(t, server, 'alice:phone');
    const [head, ...rows] = (await shell.ok('user', 'list')).trimEnd().split('\n').map((line) => line.split(/ {2,}/));
    assert.deepEqual(head, ['USER', 'DEVICES', 'LAST SEEN', 'SINCE']);
    assert.deepEqual(rows.map((row) => row.slice(0, 3)), [['alice', '1', 'online'], ['bob', '0', 'never']]);
    assert.equal(await shell.ok('user', 'remove', 'bob'), 'bob was removed\n');
    const again = await shell.run(['user', 'remove', 'bob']);
    assert.deepEqual(again, { code: 1, stdout: '', stderr: 'godwit: there is no user bob\n' });
  });

  test('from elsewhere, by address and token', async (t) => {
    const { shell, server } = await machine(t);
    const token = (await shell.ok('token', 'root', '--admin')).trimEnd();
    const elsewhere = await Shell.open(t);
    for (const url of [`http://127.0.0.1:${server.httpPort}`, `ws://127.0.0.1:${server.httpPort}/mqtt`]) {
      assert.match(await elsewhere.ok('user', 'list', '--url', url, '--token', token), /users|USER/);
    }
    const { code, stderr } = await elsewhere.run(['user', 'list', '--url', `mqtt://127.0.0.1:${server.mqttPort}`, '--token', token]);
    assert.match(stderr, /^godwit: this needs the HTTP address of the server: .*\n$/);
    assert.equal(code, 1);
  });

  test('a token that is no admin is refused', async (t) => {
    const { shell } = await machine(t);
    const token = (await shell.ok('token', 'alice')).trimEnd();
    const { code, stderr } = await shell.run(['user', 'list', '--token', token]);
    assert.match(stderr, /^godwit: .*claim admin.*NOT_ALLOWED.*\n$/);
    assert.equal(code, 1);
  });
});

describe('godwit send', { concurrency: true }, () => {
  test('waits until the server has it, and prints its place', async (t) => {
    const { shell, server } = await machine(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    assert.equal(await shell.ok('send', 'alice', 'bob', 'first'), '✓ 1\n');
    assert.equal(await shell.ok('send', 'alice', 'bob', 'second', '--plain'), '✓ 2\n');
    const first = await bob.received.wait('the first message', (delivery) => delivery.kind === 'msg' && delivery.value.seq === 1n);
    const second = await bob.received.wait('the second message', (delivery) => delivery.kind === 'msg' && delivery.value.seq === 2n);
    assert.ok(first.kind === 'msg' && second.kind === 'msg');
    assert.ok(Buffer.from(first.value.body).includes('first'));
    assert.deepEqual({ from: first.value.from, device: first.value.fromDevice }, { from: 'alice', device: '' });
    assert.deepEqual({ body: Buffer.from(second.value.body).toString(), flags: second.value.flags }, { body: 'second', flags: 2 });
  });

  test('says why not', async (t) => {
    const { shell } = await machine(t);
    const nobody = await shell.run(['send', 'alice', 'nobody', 'hello']);
    assert.deepEqual(nobody, { code: 1, stdout: '', stderr: 'godwit: not sent: there is no such user (UNKNOWN_USER): `godwit user add nobody`\n' });
    await shell.ok('user', 'add', 'bob');
    const large = await shell.run(['send', 'alice', 'bob', 'x'.repeat(66_000)]);
    assert.match(large.stderr, /^godwit: not sent: .*TOO_LARGE.*\n$/);
    assert.equal(large.code, 1);
  });
});

describe('without a server', { concurrency: true }, () => {
  for (const args of [['user', 'list'], ['send', 'alice', 'bob', 'hello'], ['chat', 'alice', 'bob']]) {
    test(`${args.join(' ')} says in one line how to start it`, async (t) => {
      const shell = await Shell.open(t);
      const { code, stdout, stderr } = await shell.run(args);
      assert.match(stderr, /^godwit: no server is running on .*data: start it with `npx godwit serve`.*\n$/);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    });
  }

  test('also after it was killed, when its ports are still written down', async (t) => {
    const { shell, server } = await machine(t);
    await server.kill();
    const { code, stderr } = await shell.run(['user', 'list']);
    assert.match(stderr, /^godwit: no server is running on .*\n$/);
    assert.equal(code, 1);
  });

  test('whose secret is another than that of the environment: a token is refused, in one line', async (t) => {
    const { shell } = await machine(t);
    const other = await shell.with({ GODWIT_AUTH_SECRET: 'y'.repeat(40) }).run(['user', 'list']);
    assert.match(other.stderr, /^godwit: .*UNAUTHENTICATED.*\n$/);
    const none = await shell.with({ GODWIT_AUTH_SECRET: '' }).run(['user', 'list']);
    assert.match(none.stderr, /^godwit: the server was started with GODWIT_AUTH_SECRET: .*\n$/);
    assert.deepEqual([other.code, none.code], [1, 1]);
  });
});
