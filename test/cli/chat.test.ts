import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { levelStore } from 'godwit-client/node';
import { Device } from '../support/device.js';
import { SECRET } from '../support/godwit.js';
import { serveProcess, type ServeProcess } from '../support/process.js';
import { until } from '../support/recorder.js';
import { Shell } from './command.js';

async function machine(t: TestContext): Promise<{ server: ServeProcess; shell: Shell }> {
  const server = await serveProcess(t);
  return { server, shell: await Shell.open(t, { GODWIT_DATA: server.data, GODWIT_AUTH_SECRET: SECRET }) };
}

/** Message.flags: the body is plain bytes. */
const BARE = { flags: 2 };

/** Lines without their time. */
const untimed = (stdout: string): string[] => stdout.trimEnd().split('\n').map((line) => line.replace(/^\d\d:\d\d /, ''));

describe('godwit chat through pipes', { concurrency: true }, () => {
  test('sends every line, adds who is missing and says so, and ends when all is accepted', async (t) => {
    const { shell } = await machine(t);
    const sent = await shell.run(['chat', 'alice', 'bob'], 'hello\n\nhow are you?\n');
    assert.deepEqual(untimed(sent.stdout), ['alice ✓: hello', 'alice ✓: how are you?']);
    assert.equal(sent.stderr, 'alice is new here: added\nbob is new here: added\n');
    assert.equal(sent.code, 0);
    const bob = shell.start(['chat', 'bob', 'alice']);
    await bob.line(/how are you/);
    const answer = await bob.end('fine\n');
    assert.deepEqual({ code: answer.code, stderr: answer.stderr }, { code: 0, stderr: '' });
    assert.deepEqual(untimed(answer.stdout), ['alice: hello', 'alice: how are you?', 'bob ✓: fine']);
  });

  test('is with someone: the list of conversations needs a terminal', async (t) => {
    const { shell } = await machine(t);
    assert.deepEqual(await shell.run(['chat', 'alice'], 'hello\n'), { code: 2, stdout: '', stderr: 'godwit: through pipes one talks with one user: say with whom\n' });
  });

  test('what was printed is read, and is not printed again', async (t) => {
    const { server, shell } = await machine(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    await shell.ok('user', 'add', 'bob');
    await alice.send('bob', 'one', BARE);
    const bob = shell.start(['chat', 'bob', 'alice']);
    await bob.line(/alice: one/);
    await bob.end();
    await alice.received.wait('the receipt', (delivery) => delivery.kind === 'receipt' && delivery.value.read === 1n);
    const second = await shell.run(['chat', 'bob', 'alice'], 'again\n');
    assert.deepEqual(untimed(second.stdout), ['bob ✓: again']);
  });

  test('a line /info says who has what was written before it', async (t) => {
    const { shell } = await machine(t);
    await shell.ok('user', 'add', 'alice', 'bob');
    const alone = await shell.run(['chat', 'alice', 'bob'], '/info\nhello\n/info\n/info not alone\n');
    const lines = untimed(alone.stdout);
    assert.deepEqual(lines.filter((line) => line.startsWith('alice')), ['alice ✓: hello', 'alice ✓: /info not alone']);
    const [nothing, head, other] = lines.filter((line) => line.startsWith('- '));
    assert.equal(nothing, '- you have written nothing here lately');
    assert.match(head, /^- you, \d\d:\d\d: (hello|\/info not alone)$/);
    assert.equal(other, '- bob  does not have it yet');
    const bob = shell.start(['chat', 'bob', 'alice']);
    await bob.line(/info not alone/);
    await bob.end();
    await until('bob has it', async () => /^- bob {2}has it since \d\d:\d\d/m.test((await shell.run(['chat', 'alice', 'bob'], '/info\n')).stdout));
  });

  test('what other people write does not steer the terminal', async (t) => {
    const { server, shell } = await machine(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    await shell.ok('user', 'add', 'bob');
    await alice.send('bob', '\u001b[2Jgone\u0007 \u202ebackwards\r\nsecond line', BARE);
    const bob = shell.start(['chat', 'bob', 'alice']);
    await bob.line(/second line/);
    const { stdout } = await bob.end();
    assert.ok(untimed(stdout).join('\n').includes('alice: \ufffd[2Jgone\ufffd backwards\n  second line'), JSON.stringify(stdout));
  });

  test('from elsewhere, over WebSocket and by token', async (t) => {
    const { server, shell } = await machine(t);
    await shell.ok('user', 'add', 'bob');
    const token = (await shell.ok('token', 'alice')).trimEnd();
    const elsewhere = await Shell.open(t);
    for (const url of [`http://127.0.0.1:${server.httpPort}`, `ws://127.0.0.1:${server.httpPort}/mqtt`, `mqtt://127.0.0.1:${server.mqttPort}`]) {
      const { code, stdout, stderr } = await elsewhere.run(['chat', 'alice', 'bob', '--url', url, '--token', token], 'hello\n');
      assert.deepEqual({ code, stderr, lines: untimed(stdout) }, { code: 0, stderr: '', lines: ['alice ✓: hello'] });
    }
    const sent = await elsewhere.run(['send', 'alice', 'bob', 'by MQTT', '--url', `mqtt://127.0.0.1:${server.mqttPort}`, '--token', token]);
    assert.deepEqual(sent, { code: 0, stdout: '✓ 4\n', stderr: '' });
  });

  test('a message that is refused, and a token that is: one line and code 1', async (t) => {
    const { server, shell } = await machine(t);
    const url = `mqtt://127.0.0.1:${server.mqttPort}`;
    const token = (await shell.ok('token', 'alice')).trimEnd();
    const nobody = await shell.run(['chat', 'alice', 'nobody', '--url', url, '--token', token], 'hello\n');
    assert.match(nobody.stderr, /^godwit: not sent: .*no such user.*\n$/);
    const other = await shell.run(['chat', 'carol', 'alice', '--url', url, '--token', token], 'hello\n');
    assert.match(other.stderr, /^godwit: the token is for alice, not for carol\n$/);
    const unasked = await shell.run(['chat', 'alice', 'bob', '--url', url, '--token', `${token}x`], '/info\n');
    assert.match(unasked.stderr, /^godwit: \/info has no answer: the server refused the token\n$/);
    const forged = await shell.run(['chat', 'alice', 'bob', '--url', url, '--token', `${token}x`], 'hello\n');
    assert.match(forged.stderr, /^godwit: not sent yet: the server refused the token; it waits in .*\n$/);
    assert.deepEqual([nobody.code, other.code, unasked.code, forged.code], [1, 1, 1, 1]);
  });

  test('a message that is refused while more is being written', async (t) => {
    const { server, shell } = await machine(t);
    const token = (await shell.ok('token', 'alice')).trimEnd();
    const chat = shell.start(['chat', 'alice', 'nobody', '--url', `mqtt://127.0.0.1:${server.mqttPort}`, '--token', token]);
    chat.write('hello\n/info\n');
    await chat.line(/^- hello was not sent: .*no such user/);
    const { code, stderr } = await chat.end();
    assert.match(stderr, /^godwit: not sent: .*no such user.*\n$/);
    assert.equal(code, 1);
  });

  test('two of the same user do not share a store', async (t) => {
    const { shell } = await machine(t);
    await shell.run(['chat', 'alice', 'bob'], 'first\n');
    const home = join(shell.folder, 'home', '.godwit');
    const [folder] = readdirSync(home);
    const held = await levelStore(join(home, folder, 'messages'));
    const refused = await shell.run(['chat', 'alice', 'bob'], 'second\n');
    assert.match(refused.stderr, /^godwit: alice is already open on this machine \(.*\): .*--store <folder>\n$/);
    assert.equal(refused.code, 1);
    const apart = await shell.run(['chat', 'alice', 'bob', '--store', 'other'], 'third\n');
    assert.equal(apart.code, 0);
    await held.close();
  });

  test('a server that was made anew is another one: nothing of the old one is taken for it', async (t) => {
    const { shell } = await machine(t);
    await shell.run(['chat', 'alice', 'bob'], 'to the first\n');
    await shell.run(['chat', 'bob', 'alice'], 'ok\n');
    const second = await serveProcess(t);
    const there = shell.with({ GODWIT_DATA: second.data });
    await there.run(['chat', 'alice', 'bob'], 'to the second\n');
    const bob = there.start(['chat', 'bob', 'alice']);
    await bob.line(/alice: to the second/);
    await bob.end();
  });
});
