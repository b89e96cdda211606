import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bodyOf } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { tokenFor } from '../support/address.js';
import { inTime } from '../support/recorder.js';
import type { Scope } from '../support/folder.js';
import { missing, Program } from './program.js';

const skip = missing('mosquitto_pub') || missing('mosquitto_sub');

const login = (server: TestServer, id: string): string[] => {
  const user = id.split(':')[0];
  return ['-h', '127.0.0.1', '-p', String(server.mqttPort), '-i', id, '-u', user, '-P', tokenFor(server, user)];
};
const pub = (t: Scope, server: TestServer, id: string, ...args: string[]): Program => Program.start(t, 'mosquitto_pub', [...login(server, id), ...args]);
const sub = (t: Scope, server: TestServer, id: string, ...args: string[]): Program => Program.start(t, 'mosquitto_sub', [...login(server, id), ...args]);

/** Resolves when the device's persistent session has its filters: what the tool itself prints of it waits in a buffer. */
async function subscribed(server: TestServer, user: string, device: string): Promise<void> {
  const look = async (): Promise<void> => {
    while (!(await server.godwit.storage.directory.device(user, device))?.filters.size) await sleep(10);
  };
  await inTime(`the subscription of ${user}:${device}`, look());
}

describe('mosquitto_pub and mosquitto_sub', { skip }, () => {
  test('talk on the raw topics, at every QoS', async (t) => {
    const server = await startGodwit(t);
    const bob = sub(t, server, 'bob:shell', '-c', '-q', '1', '-t', 'u/bob/raw/#', '-v');
    await subscribed(server, 'bob', 'shell');
    for (const qos of ['0', '1', '2']) {
      assert.equal(await pub(t, server, 'alice:shell', '-q', qos, '-t', 'to/bob/raw', '-m', `at ${qos}`).ended, 0);
      await bob.printed(new RegExp(`^u/bob/raw/d:alice:bob/alice at ${qos}$`));
    }
  });

  test('a phone and a shell understand each other', async (t) => {
    const server = await startGodwit(t);
    const phone = await Device.connect(t, server, 'alice:phone');
    const shell = sub(t, server, 'bob:shell', '-c', '-q', '1', '-t', 'u/bob/raw/#');
    await subscribed(server, 'bob', 'shell');
    await phone.send('bob', 'from the phone');
    await shell.printed(/^from the phone$/);
    assert.equal(await pub(t, server, 'bob:pub', '-q', '1', '-t', 'to/alice/raw', '-m', 'from the shell').ended, 0);
    assert.equal(bodyOf(await phone.message('from the shell')), 'from the shell');
  });

  test('what came while mosquitto_sub was killed comes when it is back, in order and once', async (t) => {
    const server = await startGodwit(t);
    const phone = await Device.connect(t, server, 'alice:phone');
    const first = sub(t, server, 'bob:shell', '-c', '-q', '1', '-t', 'u/bob/raw/#');
    await subscribed(server, 'bob', 'shell');
    await phone.send('bob', 'm 0');
    await first.printed(/^m 0$/);
    await phone.next('receipt', 'the tick of the first', ({ value }) => value.delivered === 1n);
    await first.kill('SIGKILL');
    for (let i = 1; i <= 300; i++) await phone.send('bob', `m ${i}`);
    const second = sub(t, server, 'bob:shell', '-c', '-q', '1', '-t', 'u/bob/raw/#', '-C', '300');
    assert.equal(await second.ended, 0);
    assert.deepEqual(second.lines, Array.from({ length: 300 }, (_, i) => `m ${i + 1}`));
  });

  test('a thousand lines of one connection arrive in order', async (t) => {
    const server = await startGodwit(t);
    const bob = sub(t, server, 'bob:shell', '-c', '-q', '1', '-t', 'u/bob/raw/#', '-C', '1000');
    await subscribed(server, 'bob', 'shell');
    const alice = pub(t, server, 'alice:shell', '-q', '1', '-t', 'to/bob/raw', '-l');
    const lines = Array.from({ length: 1_000 }, (_, i) => `line ${i}`);
    alice.say(`${lines.join('\n')}\n`);
    assert.equal(await alice.ended, 0);
    assert.equal(await bob.ended, 0);
    assert.deepEqual(bob.lines, lines);
  });

  test('are told by CONNACK who may not come in', async (t) => {
    const server = await startGodwit(t);
    const refused = async (expected: RegExp, ...args: string[]): Promise<void> => {
      const program = Program.start(t, 'mosquitto_pub', ['-h', '127.0.0.1', '-p', String(server.mqttPort), '-q', '1', '-t', 'to/bob/raw', '-m', 'x', ...args]);
      assert.notEqual(await program.ended, 0);
      assert.match(program.stderr + program.stdout, expected);
    };
    const token = tokenFor(server, 'alice');
    await refused(/identifier rejected/i, '-i', 'no-device', '-u', 'alice', '-P', token);
    await refused(/bad user ?name or password/i, '-i', 'alice:shell', '-u', 'alice', '-P', 'no token');
    await refused(/not authori[sz]ed/i, '-i', 'bob:shell', '-u', 'bob', '-P', token);
    await refused(/unacceptable protocol version|unsupported protocol/i, '-V', 'mqttv5', '-i', 'alice:shell', '-u', 'alice', '-P', token);
  });

  test('presence is a retained message, and a will says goodbye', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone', { will: { topic: 'presence/alice', payload: Buffer.alloc(0), qos: 1, retain: true } });
    const watch = sub(t, server, 'bob:shell', '-q', '1', '-t', 'presence/alice', '-F', '%t %r %x');
    await watch.printed(/^presence\/alice 1 0801/);
    await alice.drop();
    await watch.printed(/^presence\/alice 0 10/);
  });

  test('a filter that is not one\'s own is refused', async (t) => {
    const server = await startGodwit(t);
    const spy = sub(t, server, 'bob:shell', '-q', '1', '-t', 'u/alice/#', '-t', '#', '-t', '$SYS/#', '-t', '$share/g/u/bob/#');
    await spy.ended;
    assert.match(spy.stderr + spy.stdout, /All subscription requests were denied/);
  });
});
