import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { directConversation, limits } from 'godwit-schemas';
import { tokenFor } from '../support/address.js';
import { bodyOf, checkPlaces } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { housekept } from '../support/housekeeping.js';
import { until } from '../support/recorder.js';
import { Wire } from '../support/wire.js';

async function send(alice: Device, to: string, count: number, bytes = 10): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => alice.send(to, `${i} `.padEnd(bytes, '.'))));
}

/** A bob who was here before, and what waits for him. */
async function awayBob(t: Parameters<typeof startGodwit>[0], server: TestServer, count: number, bytes?: number): Promise<Device> {
  await (await Device.connect(t, server, 'bob:phone')).leave();
  const alice = await Device.connect(t, server, 'alice:phone');
  await send(alice, 'bob', count, bytes);
  return alice;
}

describe('a device that does not acknowledge', () => {
  test('is sent windowMessages messages and no more, and one more for each PUBACK', async (t) => {
    const server = await startGodwit(t);
    await awayBob(t, server, 300);
    const bob = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    const window = limits.windowMessages.value;
    assert.equal(window, 128);
    const messages = await bob.many('msg', window);
    await bob.pong();
    assert.equal(bob.got('msg').length, window);
    bob.acknowledge(messages[0].packetId);
    bob.acknowledge(messages[1].packetId);
    await bob.many('msg', window + 2);
    await bob.pong();
    assert.equal(bob.got('msg').length, window + 2);
    // A PUBACK out of order opens the window too (but moves no cursor, below).
    bob.acknowledge(messages[100].packetId);
    await bob.many('msg', window + 3);
    checkPlaces(bob.got('msg'));
  });

  test('is sent no more once windowBytes are under way', async (t) => {
    const server = await startGodwit(t);
    await awayBob(t, server, 12, 60_000);
    const bob = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    assert.equal(limits.windowBytes.value, 262_144);
    const [first] = await bob.many('msg', 5);
    await bob.pong();
    // Five times 60,000 bytes have reached the limit.
    assert.equal(bob.got('msg').length, 5);
    bob.acknowledge(first.packetId);
    // 240,000 bytes and some are less than the limit: there is room for one more.
    await bob.many('msg', 6);
    await bob.pong();
    assert.equal(bob.got('msg').length, 6);
  });

  test('keeps its cursor where it is: only what is acknowledged without a hole before it counts', async (t) => {
    const server = await startGodwit(t);
    await awayBob(t, server, 10);
    const bob = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    const messages = await bob.many('msg', 10);
    for (const place of [1, 2, 4, 5, 10]) bob.acknowledge(messages[place - 1].packetId);
    await bob.pong();
    await bob.leave();
    const cursor = await server.godwit.storage.cursors.device('bob', 'phone', directConversation('alice', 'bob'));
    assert.deepEqual([cursor?.position, cursor?.last], [2, 2]);
    const user = await server.godwit.storage.cursors.user('bob', directConversation('alice', 'bob'));
    assert.equal(user.delivered, 2);
  });

  test('is disconnected when its window is full and it acknowledges nothing for windowStallMs', async (t) => {
    const server = await startGodwit(t);
    await awayBob(t, server, 129);
    const bob = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    const messages = await bob.many('msg', 128);
    await bob.pong();
    server.clock.advance(limits.windowStallMs.value - 5_000);
    bob.acknowledge(messages[0].packetId);
    await bob.many('msg', 129);
    await send(await Device.connect(t, server, 'carol:phone'), 'bob', 1);
    // A PUBACK came meanwhile: it is given its time again.
    server.clock.advance(limits.windowStallMs.value - 5_000);
    await housekept(t, server);
    await bob.pong();
    server.clock.advance(5_000);
    await bob.closed();
    // It comes back and gets what it lacks.
    const again = await Device.connect(t, server, 'bob:phone');
    const back = await again.messages(129);
    assert.deepEqual(new Set(back.map((it) => it.value.conversation)), new Set(['d:alice:bob', 'd:bob:carol']));
  });

  test('that has a half empty window is left alone, however long it takes', async (t) => {
    const server = await startGodwit(t);
    await awayBob(t, server, 3);
    const password = Buffer.from(tokenFor(server, 'bob', { days: 100 }));
    const bob = await Wire.connect(t, server, 'bob:phone', { acknowledges: false, password });
    await bob.many('msg', 3);
    server.clock.advance(limits.windowStallMs.value * 10);
    await housekept(t, server);
    await bob.pong();
  });
});

describe('conversations take turns', () => {
  test('a direct message does not wait behind ten thousand of another conversation', async (t) => {
    const server = await startGodwit(t);
    await awayBob(t, server, 2_000);
    const carol = await Device.connect(t, server, 'carol:phone');
    const bob = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    const window = await bob.many('msg', 128);
    await carol.send('bob', 'urgent');
    for (const { packetId } of window) bob.acknowledge(packetId);
    const next = (await bob.many('msg', 256)).slice(128);
    const place = next.findIndex((it) => bodyOf(it) === 'urgent');
    assert.ok(place >= 0 && place < 64, `it came as number ${place} of the next window`);
  });

  test('a device that acknowledges gets all of them, each in its order', async (t) => {
    const server = await startGodwit(t);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    for (const name of ['alice', 'carol', 'dave', 'erin']) await send(await Device.connect(t, server, `${name}:phone`), 'bob', 200);
    const bob = await Device.connect(t, server, 'bob:phone');
    checkPlaces(await bob.messages(800));
    await until('the cursors have moved to the heads', async () => (await server.godwit.storage.cursors.user('bob', 'd:bob:erin')).delivered === 200);
  });
});
