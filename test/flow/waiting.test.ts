import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Socket } from 'node:net';
import { Code, limits, publishTopics } from 'godwit-schemas';
import type { Append } from '../../broker/ports/conversation-log.js';
import { bodyOf } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { housekept } from '../support/housekeeping.js';
import { bufferBytes } from '../support/memory.js';
import { until } from '../support/recorder.js';
import { Wire } from '../support/wire.js';

const env = { GODWIT_MESSAGES_PER_MINUTE: '6' };
const raw = publishTopics.toRaw('bob');

describe('a device that takes no results, beyond a limit that passes', () => {
  test('is not read until there is room: nothing is refused, nothing lost, and the order holds', async (t) => {
    const server = await startGodwit(t, { env });
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:sensor');
    const ids = Array.from({ length: 10 }, (_, i) => alice.publish(raw, `message ${i}`));
    await alice.puback(ids[5]);
    await housekept(t, server);
    assert.ok(!alice.packets.all.some((it) => it.cmd === 'puback' && it.messageId === ids[6]), 'the seventh waits');
    server.clock.advance(40_000);
    await alice.puback(ids[9]);
    assert.deepEqual(alice.packets.all.flatMap((it) => (it.cmd === 'puback' ? [it.messageId] : [])), ids);
    assert.deepEqual((await bob.messages(10)).map(bodyOf), Array.from({ length: 10 }, (_, i) => `message ${i}`));
  });

  test('waits for a hook that refuses for a time, too: nothing is acknowledged that is not appended', async (t) => {
    let asked = 0;
    const plugin = { name: 'away', beforeAppend: () => (asked++ < 2 ? { code: Code.UNAVAILABLE, text: 'away', retryAfterMs: 50 } : undefined) };
    const server = await startGodwit(t, { plugins: [plugin] });
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:sensor');
    await alice.puback(alice.publish(raw, 'measured'));
    assert.deepEqual((await bob.messages(1)).map(bodyOf), ['measured']);
    assert.equal(asked, 3);
  });

  test('cannot fill the memory of the server meanwhile: its socket fills up', async (t) => {
    const server = await startGodwit(t, { env });
    await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:sensor');
    const body = Buffer.alloc(60_000, '.');
    const first = Array.from({ length: 6 }, () => alice.publish(raw, body));
    await alice.puback(first[5]);
    const before = bufferBytes();
    // 48 MB: more than the system's buffers of both ends take (32 and 4 MB at most, as Linux 6.16 sets them).
    for (let i = 0; i < 800; i++) alice.publish(raw, body);
    await housekept(t, server);
    const socket = alice.stream as Socket;
    assert.ok(socket.writableLength > 4_000_000, `${socket.writableLength} bytes wait in the client`);
    await until("the server's buffers have not grown by 4 MB", () => bufferBytes() - before - socket.writableLength < 4_000_000);
  });

  test('is not ended by its keepalive while it waits', async (t) => {
    const server = await startGodwit(t, { env });
    await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:sensor', { keepalive: 1 });
    const ids = Array.from({ length: 7 }, (_, i) => alice.publish(raw, `message ${i}`));
    await alice.puback(ids[5]);
    // Three real seconds: twice the time that a keepalive of one second allows.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.ok(alice.open);
    server.clock.advance(20_000);
    await alice.puback(ids[6]);
  });

  test('waits refusedWaitMs at most; then the connection is closed, and the device may resend', async (t) => {
    let free = 0;
    const server = await startGodwit(t, { wrapStorage: (storage) => ({ ...storage, freeBytes: () => free }), env: { GODWIT_MIN_FREE_BYTES: '1000' }, errorsExpected: true });
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:sensor');
    alice.publish(raw, 'hello', { messageId: 5 });
    // The server has read it when it has answered others who wrote later, twice.
    for (let i = 0; i < 2; i++) await (await Wire.connect(t, server, 'carol:phone')).pong();
    server.clock.advance(limits.refusedWaitMs.value - 5_000);
    await housekept(t, server);
    assert.ok(alice.open);
    server.clock.advance(10_000);
    await alice.closed();
    free = 10_000;
    await server.logged.wait('room again', (line) => /room again/.test(line.msg));
    const again = await Wire.connect(t, server, 'alice:sensor');
    again.publish(raw, 'hello', { messageId: 5, dup: true });
    await again.puback(5);
    await bob.message('hello');
    assert.deepEqual(bob.bodies, ['hello']);
  });

  test('that goes away while it waits may resend at once, and is not taken for one that is there', async (t) => {
    const server = await startGodwit(t, { env });
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:sensor');
    for (let i = 1; i <= 7; i++) alice.publish(raw, `message ${i}`, { messageId: i });
    await alice.puback(6);
    await alice.drop();
    server.clock.advance(30_000);
    const again = await Wire.connect(t, server, 'alice:sensor');
    again.publish(raw, 'message 7', { messageId: 7, dup: true });
    await again.puback(7);
    assert.deepEqual((await bob.messages(7)).map(bodyOf), Array.from({ length: 7 }, (_, i) => `message ${i + 1}`));
    // The old connection looks for room once more, within a second: it must not take it.
    await housekept(t, server);
    await housekept(t, server);
    await again.puback(again.publish(raw, 'last', { messageId: 8 }));
    assert.equal(bodyOf((await bob.messages(8))[7]), 'last');
  });

  test('is asked of the hooks also after it has waited', async (t) => {
    const plugin = { name: 'no spam', beforeAppend: ({ buffer, start, end }: Append) => (Buffer.from(buffer.subarray(start, end)).includes('spam') ? { code: Code.NOT_ALLOWED, text: 'no spam' } : undefined) };
    const server = await startGodwit(t, { env, plugins: [plugin] });
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:sensor');
    for (let i = 0; i < 6; i++) alice.publish(raw, `message ${i}`);
    const spam = alice.publish(raw, 'spam');
    const last = alice.publish(raw, 'last');
    await bob.messages(6);
    server.clock.advance(60_000);
    await alice.puback(spam);
    await alice.puback(last);
    assert.equal(bodyOf((await bob.messages(7))[6]), 'last');
  });

  test('gets its PUBACK for a lasting refusal, which is counted', async (t) => {
    const server = await startGodwit(t);
    const alice = await Wire.connect(t, server, 'alice:sensor');
    await alice.puback(alice.publish(publishTopics.toRaw('nobody'), 'hello'));
    const metrics = await (await fetch(`http://127.0.0.1:${server.httpPort}/metrics`)).text();
    assert.match(metrics, /godwit_refused_total\{code="UNKNOWN_USER"\} 1/);
  });

  test('at QoS 2 waits likewise, and its order holds', async (t) => {
    const server = await startGodwit(t, { env });
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:sensor', { filters: [] });
    const sending = Promise.all(Array.from({ length: 12 }, (_, i) => alice.client.publishAsync(raw, `message ${i}`, { qos: 2 })));
    await bob.messages(6);
    await housekept(t, server);
    assert.equal(bob.bodies.length, 6);
    server.clock.advance(120_000);
    await sending;
    assert.deepEqual((await bob.messages(12)).map(bodyOf), Array.from({ length: 12 }, (_, i) => `message ${i}`));
  });
});

test('at QoS 0 it is refused: nobody waits for it', async (t) => {
  const server = await startGodwit(t, { env });
  const bob = await Device.connect(t, server, 'bob:phone');
  const alice = await Wire.connect(t, server, 'alice:sensor');
  for (let i = 0; i < 10; i++) alice.publish(raw, `message ${i}`, { qos: 0 });
  await bob.messages(6);
  await until('four refusals are logged', () => server.logged.all.filter((line) => line.code === Code.RATE_LIMITED).length === 4);
  await alice.pong();
});
