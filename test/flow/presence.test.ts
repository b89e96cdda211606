import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, create, limits, PresenceSchema, State, toBinary } from 'godwit-schemas';
import { Device } from '../support/device.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { housekept } from '../support/housekeeping.js';
import type { Scope } from '../support/folder.js';
import { Wire } from '../support/wire.js';

const LEASE_MS = limits.presenceLeaseMs.value;

function payload(state: State): Buffer {
  return Buffer.from(toBinary(PresenceSchema, create(PresenceSchema, { state })));
}

const is = (state: State) => (it: { user: string; value: { state: State } }): boolean => it.user === 'bob' && it.value.state === state;

/** An alice who watches bob, and has been told that he is not there. */
async function watcher(t: Scope, server: TestServer, id = 'alice:phone'): Promise<Device> {
  const alice = await Device.connect(t, server, id, { filters: ['presence/bob', `u/${id.split(':')[0]}/#`] });
  await alice.next('presence', 'how he is');
  return alice;
}

describe('who watches bob', () => {
  test('is told how he is at once, retained, and then each change, once', async (t) => {
    const server = await startGodwit(t);
    const alice = await watcher(t, server);
    const [first] = alice.got('presence');
    assert.deepEqual([first.value.state, first.value.lastSeenMs, first.retain, first.qos], [State.OFFLINE, 0n, true, 0]);
    const bob = await Device.connect(t, server, 'bob:phone');
    assert.equal((await alice.next('presence', 'online', is(State.ONLINE))).retain, false);
    await bob.send('alice', 'activity changes nothing');
    const tablet = await Device.connect(t, server, 'bob:tablet');
    await tablet.leave();
    await bob.leave();
    const offline = await alice.next('presence', 'offline', is(State.OFFLINE), 1);
    assert.ok(Math.abs(Number(offline.value.lastSeenMs) - server.now()) < 5_000);
    assert.deepEqual(alice.got('presence').map((it) => it.value.state), [State.OFFLINE, State.ONLINE, State.OFFLINE]);
  });

  test('hears within the lease when his connection dies without a word', async (t) => {
    const server = await startGodwit(t);
    const alice = await watcher(t, server);
    const bob = await Wire.connect(t, server, 'bob:phone');
    await alice.next('presence', 'online', is(State.ONLINE));
    const heard = server.now();
    await bob.drop();
    server.clock.advance(LEASE_MS / 2);
    await housekept(t, server);
    assert.equal(alice.got('presence').at(-1)!.value.state, State.ONLINE, 'a phone between two networks is not away');
    server.clock.advance(LEASE_MS / 2);
    const offline = await alice.next('presence', 'offline', is(State.OFFLINE), 1);
    assert.ok(Math.abs(Number(offline.value.lastSeenMs) - heard) < 2_000, 'last seen is when he was last heard');
  });

  test('hears of a connection that hangs: 1.5 times its keepalive after the last sign of life, or the lease', async (t) => {
    const server = await startGodwit(t);
    const alice = await watcher(t, server);
    const bob = await Wire.connect(t, server, 'bob:phone', { keepalive: 600 });
    await alice.next('presence', 'online', is(State.ONLINE));
    server.clock.advance(LEASE_MS * 2);
    await housekept(t, server);
    assert.equal(alice.got('presence').at(-1)!.value.state, State.ONLINE);
    // A ping is a sign of life.
    await bob.pong();
    server.clock.advance(800_000);
    await housekept(t, server);
    assert.equal(alice.got('presence').at(-1)!.value.state, State.ONLINE);
    server.clock.advance(100_000);
    await alice.next('presence', 'offline', is(State.OFFLINE), 1);
    await bob.pong();
    await alice.received.waitMany('online again', 2, (it) => it.kind === 'presence' && is(State.ONLINE)(it));
  });

  test('hears soon by his will', async (t) => {
    const server = await startGodwit(t);
    const alice = await watcher(t, server);
    const will = { topic: 'presence/bob', payload: payload(State.OFFLINE), qos: 1 as const, retain: true };
    const bob = await Wire.connect(t, server, 'bob:phone', { will });
    await alice.next('presence', 'online', is(State.ONLINE));
    await bob.drop();
    await alice.next('presence', 'offline', is(State.OFFLINE), 1);
  });

  test('hears no will after a DISCONNECT, and none of a takeover', async (t) => {
    const server = await startGodwit(t);
    const alice = await watcher(t, server);
    const will = { topic: 'presence/bob', payload: payload(State.AWAY), qos: 0 as const, retain: true };
    await Wire.connect(t, server, 'bob:phone', { will });
    await alice.next('presence', 'online', is(State.ONLINE));
    const second = await Wire.connect(t, server, 'bob:phone', { will });
    server.clock.advance(10_000);
    await housekept(t, server);
    await second.leave();
    await alice.next('presence', 'offline', is(State.OFFLINE), 1);
    assert.deepEqual(alice.got('presence').map((it) => it.value.state), [State.OFFLINE, State.ONLINE, State.OFFLINE]);
  });

  test('sees AWAY when his app says so; the strongest of his devices counts', async (t) => {
    const server = await startGodwit(t);
    const alice = await watcher(t, server);
    const phone = await Device.connect(t, server, 'bob:phone');
    const laptop = await Device.connect(t, server, 'bob:laptop');
    await phone.setPresence(State.AWAY);
    await laptop.setPresence(State.AWAY);
    await alice.next('presence', 'away', is(State.AWAY));
    await phone.setPresence(State.ONLINE);
    await alice.received.waitMany('online again', 2, (it) => it.kind === 'presence' && is(State.ONLINE)(it));
    assert.deepEqual(alice.got('presence').map((it) => it.value.state), [State.OFFLINE, State.ONLINE, State.AWAY, State.ONLINE]);
  });

  test('knows it again after a reconnect, without a SUBSCRIBE', async (t) => {
    const server = await startGodwit(t);
    const before = await watcher(t, server);
    await before.leave();
    await Device.connect(t, server, 'bob:phone');
    const after = await Device.connect(t, server, 'alice:phone');
    assert.equal(after.sessionPresent, true);
    const told = await after.next('presence', 'how he is now');
    assert.deepEqual([told.value.state, told.retain], [State.ONLINE, true]);
  });

  test('is told OFFLINE with the right last seen after a restart of the server', async (t) => {
    const server = await startGodwit(t);
    const bob = await Wire.connect(t, server, 'bob:phone');
    await bob.pong();
    const heard = server.now();
    await server.restart();
    server.clock.advance(600_000);
    const alice = await watcher(t, server);
    const [first] = alice.got('presence');
    assert.equal(first.value.state, State.OFFLINE);
    assert.ok(Math.abs(Number(first.value.lastSeenMs) - heard) < 5_000);
  });

  test('is told no more after UNSUBSCRIBE', async (t) => {
    const server = await startGodwit(t);
    const alice = await watcher(t, server);
    const carol = await watcher(t, server, 'carol:phone');
    await alice.client.unsubscribeAsync('presence/bob');
    await Device.connect(t, server, 'bob:phone');
    await carol.next('presence', 'online', is(State.ONLINE));
    await alice.settled();
    assert.equal(alice.got('presence').length, 1);
  });
});

describe('what is published to a presence', () => {
  test("is one's own alone, and a Presence", async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    assert.equal((await alice.publish('presence/bob', payload(State.OFFLINE))).code, Code.NOT_ALLOWED);
    assert.equal((await alice.publish('presence/alice', 'no Presence')).code, Code.MALFORMED);
    assert.equal((await alice.publish('presence/alice', Buffer.from([8, 77]))).code, Code.MALFORMED);
  });

  test('is not kept as Aedes would keep it: it changes a lease, and goes with it', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    await bob.setPresence(State.AWAY);
    await bob.leave();
    const alice = await watcher(t, server);
    assert.equal(alice.got('presence')[0].value.state, State.OFFLINE);
  });
});

describe('typing', () => {
  test('reaches the devices of the other that are there, at QoS 0, and is kept for nobody', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const laptop = await Device.connect(t, server, 'alice:laptop');
    const bob = await Device.connect(t, server, 'bob:phone');
    await (await Device.connect(t, server, 'bob:tablet')).leave();
    alice.client.publish('typing/d:alice:bob', '', { qos: 0 });
    const { value, qos } = await bob.next('typing', 'the notice');
    assert.deepEqual([value.conversation, value.from, qos], ['d:alice:bob', 'alice', 0]);
    const tablet = await Device.connect(t, server, 'bob:tablet');
    await tablet.settled();
    assert.deepEqual([tablet.got('typing'), laptop.got('typing'), alice.got('typing')], [[], [], []]);
  });

  test("beyond typingPerSecond of a connection is dropped; what is not one's own is refused", async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    for (let i = 0; i < 30; i++) alice.client.publish('typing/d:alice:bob', '', { qos: 0 });
    await alice.send('bob', 'done');
    await bob.message('done');
    const told = bob.got('typing').length;
    assert.ok(told >= limits.typingPerSecond.value && told < 15, `${told} notices`);
    assert.equal((await alice.publish('typing/d:bob:carol', '')).code, Code.NOT_ALLOWED);
    assert.equal((await alice.publish('typing/u:alice', '')).code, Code.NOT_ALLOWED);
    assert.equal((await alice.publish('typing/d:alice:bob', 'something')).code, Code.MALFORMED);
  });
});
