import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bodyOf } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { Wire } from '../support/wire.js';

const conversation = 'd:alice:bob';

function position(server: TestServer, device = 'phone'): Promise<number | undefined> {
  return Promise.resolve(server.godwit.storage.cursors.device('bob', device, conversation)).then((cursor) => cursor?.position);
}

describe('a clean session', () => {
  test('starts at the head, and gets what comes while it is there', async (t) => {
    const server = await startGodwit(t);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.send('bob', 'before');
    const bob = await Device.connect(t, server, 'bob:visitor', { clean: true });
    assert.equal(bob.sessionPresent, false);
    await alice.send('bob', 'now');
    const { value, qos } = await bob.message('now');
    assert.deepEqual([value.seq, value.after, qos], [2n, 1n, 1]);
    await bob.settled();
    assert.deepEqual(bob.bodies, ['now']);
  });

  test("moves no cursor and counts as nobody's delivery", async (t) => {
    const server = await startGodwit(t);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:visitor', { clean: true });
    await alice.send('bob', 'hello');
    await bob.message('hello');
    await bob.settled();
    await bob.leave();
    await alice.settled();
    assert.equal((await server.godwit.storage.cursors.user('bob', conversation)).delivered, 0);
    assert.deepEqual(alice.got('receipt'), []);
    // The phone still gets all of it.
    const phone = await Device.connect(t, server, 'bob:phone');
    await phone.message('hello');
  });

  test("leaves the same device's persistent cursors and filters alone", async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const before = await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'one');
    await before.message('one');
    await before.leave();
    await alice.send('bob', 'two');
    const clean = await Device.connect(t, server, 'bob:phone', { clean: true });
    await alice.send('bob', 'three');
    await clean.message('three');
    await clean.settled();
    assert.deepEqual(clean.bodies, ['three']);
    await clean.client.unsubscribeAsync('u/bob/#');
    await clean.subscribe('u/bob/typing');
    await clean.leave();
    assert.equal(await position(server), 1);
    const after = await Device.connect(t, server, 'bob:phone');
    assert.equal(after.sessionPresent, true);
    assert.deepEqual((await after.messages(2)).map(bodyOf), ['two', 'three']);
  });

  test('is forgotten when it ends', async (t) => {
    const server = await startGodwit(t);
    await (await Device.connect(t, server, 'bob:visitor', { clean: true })).leave();
    const bob = await Device.connect(t, server, 'bob:visitor', { clean: true, filters: [] });
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.send('bob', 'hello');
    await bob.client.publishAsync('to/bob', '', { qos: 1 });
    assert.deepEqual(bob.bodies, []);
    assert.deepEqual(await server.godwit.storage.directory.devicesOf('bob'), []);
  });
});

describe('a subscription at QoS 0', () => {
  test('is live only: it starts at the heads, needs no PUBACK, and moves no cursor', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    await (await Device.connect(t, server, 'bob:phone')).leave();
    await alice.send('bob', 'before');
    const bob = await Wire.connect(t, server, 'bob:screen');
    assert.deepEqual(await bob.subscribe('u/bob/#', 0), [0]);
    for (let i = 0; i < 300; i++) await alice.send('bob', `live ${i}`);
    const messages = await bob.many('msg', 300);
    assert.deepEqual([...new Set(messages.map((it) => it.qos))], [0]);
    assert.deepEqual(messages.map(bodyOf), Array.from({ length: 300 }, (_, i) => `live ${i}`));
    await bob.leave();
    assert.equal((await server.godwit.storage.cursors.user('bob', conversation)).delivered, 0);
    assert.equal(await position(server, 'screen'), undefined);
  });

  test('that becomes QoS 1 later gets all that lies behind the cursor, what it saw live among it', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const first = await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'one');
    await first.message('one');
    await first.leave();
    await alice.send('bob', 'two');
    const bob = await Device.connect(t, server, 'bob:phone', { filters: [] });
    await bob.message('two');
    await bob.subscribe('u/bob/#', 0);
    await alice.send('bob', 'three');
    await bob.message('three');
    const from = bob.received.all.length;
    await bob.subscribe('u/bob/#', 1);
    const three = await bob.message('three', from);
    assert.equal(three.qos, 1);
    await bob.settled();
    await bob.leave();
    assert.equal(await position(server), 3);
  });

  test('after QoS 1 takes what was in flight with it: the next session at QoS 1 gets it again', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const first = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    await first.subscribe('u/bob/#', 1);
    await alice.send('bob', 'one');
    await first.next('msg', 'one');
    await first.subscribe('u/bob/#', 0);
    await alice.send('bob', 'two');
    await first.next('msg', 'two', (it) => bodyOf(it) === 'two');
    await first.subscribe('u/bob/#', 1);
    await first.drop();
    const second = await Device.connect(t, server, 'bob:phone');
    assert.deepEqual((await second.messages(2)).map(bodyOf), ['one', 'two']);
    await second.settled();
    assert.equal(second.bodies.length, 2);
  });
});

describe('a session without a subscription for messages', () => {
  test('is given none, and keeps its place until it asks', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone', { filters: ['u/bob/typing'] });
    await alice.send('bob', 'one');
    await alice.client.publishAsync('typing/d:alice:bob', '', { qos: 1 });
    await bob.next('typing', 'the typing notice');
    assert.deepEqual(bob.bodies, []);
    await bob.subscribe('u/bob/msg');
    await bob.message('one');
    await bob.client.unsubscribeAsync('u/bob/msg');
    await alice.send('bob', 'two');
    await alice.client.publishAsync('typing/d:alice:bob', '', { qos: 1 });
    await bob.received.waitMany('another typing notice', 2, (it) => it.kind === 'typing');
    assert.deepEqual(bob.bodies, ['one']);
    await bob.subscribe('u/bob/msg');
    await bob.message('two');
  });

  test('that it dropped in the middle of a backlog gets the rest of it when it asks again', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    await bob.subscribe(['u/bob/msg', 'u/bob/typing']);
    await Promise.all(Array.from({ length: 300 }, (_, i) => alice.send('bob', `message ${i}`)));
    const window = await bob.many('msg', 128);
    bob.send({ cmd: 'unsubscribe', messageId: 9_000, unsubscriptions: ['u/bob/msg'] });
    await bob.packets.wait('the UNSUBACK', (it) => it.cmd === 'unsuback');
    for (const { packetId } of window) bob.acknowledge(packetId);
    await alice.send('bob', 'and one more');
    await bob.pong();
    assert.equal(bob.got('msg').length, 128);
    bob.acknowledges = true;
    await bob.subscribe('u/bob/msg');
    const all = await bob.many('msg', 301);
    assert.deepEqual(all.map(bodyOf), [...Array.from({ length: 300 }, (_, i) => `message ${i}`), 'and one more']);
    assert.ok(all.every((it) => !it.dup));
  });
});
