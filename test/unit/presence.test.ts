import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, State } from 'godwit-schemas';
import { LEASE_MS, lastSeen, told, World } from './presence-world.js';

describe('presence', () => {
  test('follows the connection: told to those who watch when it changes, and to nobody else', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'] });
    const carol = await world.connect('carol:phone', { watching: ['alice'] });
    assert.deepEqual([told(alice), told(carol)], [['bob OFFLINE'], ['alice ONLINE']]);
    const bob = await world.connect('bob:phone');
    assert.deepEqual([told(alice), told(carol), told(bob)], [['bob ONLINE'], [], []]);
    await world.wait(5000, bob);
    await world.disconnect(bob, { clean: true });
    assert.equal(lastSeen(alice), bob.heardAtMs);
    assert.deepEqual([told(alice), told(carol)], [['bob OFFLINE'], []]);
  });

  test('of a user who is removed is forgotten, also when a will comes late; watchers are told', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'] });
    const bob = await world.connect('bob:phone');
    told(alice);
    await world.plugin.disconnected!(bob, false);
    await world.plugin.userRemoved!('bob');
    await world.publish(bob, State.OFFLINE);
    await world.wait(LEASE_MS);
    await world.plugin.stop!();
    assert.equal(lastSeen(alice), 0);
    assert.deepEqual(told(alice), ['bob OFFLINE']);
    assert.equal((await world.context.storage.presence.get('bob', world.clock.nowMs)).lastSeenMs, 0);
  });

  test('is retained to those who come, and not to those who are there', async () => {
    const world = new World();
    const bob = await world.connect('bob:phone');
    const alice = await world.connect('alice:phone', { watching: ['bob'] });
    await world.publish(bob, State.AWAY);
    assert.deepEqual(alice.sent.map(({ topic, retain }) => [topic, retain]), [['presence/bob', true], ['presence/bob', false]]);
    await world.subscribe(alice, 'bob');
    assert.equal(alice.sent.at(-1)!.retain, true, 'a repeated SUBSCRIBE is answered anew');
    assert.equal(alice.sent.length, 3);
  });

  test('says AWAY and OFFLINE when the app says so, and nothing when it says the same again', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'] });
    const bob = await world.connect('bob:phone');
    told(alice);
    for (const state of [State.ONLINE, State.AWAY, State.AWAY, State.ONLINE, State.OFFLINE, State.OFFLINE, State.ONLINE]) assert.equal(await world.publish(bob, state), undefined);
    assert.deepEqual(told(alice), ['bob AWAY', 'bob ONLINE', 'bob OFFLINE', 'bob ONLINE']);
  });

  test('is the strongest of a user\'s devices; a device changes its own alone', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'] });
    const phone = await world.connect('bob:phone');
    const laptop = await world.connect('bob:laptop');
    told(alice);
    await world.publish(phone, State.AWAY);
    await world.publish(phone, State.OFFLINE);
    assert.deepEqual(told(alice), []);
    await world.publish(laptop, State.AWAY);
    await world.publish(phone, State.ONLINE);
    await world.disconnect(phone, { clean: true });
    await world.disconnect(laptop, { clean: true });
    assert.deepEqual(told(alice), ['bob AWAY', 'bob ONLINE', 'bob AWAY', 'bob OFFLINE']);
  });

  test('takes an empty payload for OFFLINE, and refuses what is no Presence, or another\'s', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'] });
    const bob = await world.connect('bob:phone');
    told(alice);
    const publish = async (user: string, ...bytes: number[]) => (await world.plugin.control!.presence!(bob, { kind: 'presence', user }, Uint8Array.from(bytes)))?.code;
    for (const garbage of [[255], [8], [8, 7], [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], [18, 5, 1]]) assert.equal(await publish('bob', ...garbage), Code.MALFORMED, String(garbage));
    assert.equal(await publish('alice', 8, 1), Code.NOT_ALLOWED);
    assert.deepEqual(told(alice), []);
    assert.equal(await publish('bob'), undefined);
    assert.deepEqual(told(alice), ['bob OFFLINE']);
  });

  test('of users with the names of an object\'s properties is theirs', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['constructor', '__proto__'] });
    assert.deepEqual(told(alice), ['constructor OFFLINE', '__proto__ OFFLINE']);
    await world.connect('__proto__:phone');
    assert.deepEqual(told(alice), ['__proto__ ONLINE']);
  });
});

describe('a lease', () => {
  test('runs out within its time after the last sign of life, with that as last seen', async () => {
    for (const [keepaliveS, within] of [[0, LEASE_MS], [10, LEASE_MS], [40, LEASE_MS], [60, 90_000], [600, 900_000]]) {
      const world = new World();
      const alice = await world.connect('alice:phone', { watching: ['bob'] });
      const bob = await world.connect('bob:phone', { keepaliveS });
      told(alice);
      await world.wait(3000, bob);
      await world.wait(within - 3000, alice);
      assert.deepEqual(told(alice), [], `${keepaliveS} s: not yet`);
      await world.wait(3000, alice);
      assert.equal(lastSeen(alice), bob.heardAtMs);
      assert.deepEqual(told(alice), ['bob OFFLINE'], `${keepaliveS} s`);
    }
  });

  test('is renewed by whatever arrives, however rarely that is looked at', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'], keepaliveS: 3600 });
    const bob = await world.connect('bob:phone');
    told(alice);
    for (let i = 0; i < 20; i++) await world.wait(LEASE_MS - 2000, bob);
    for (let i = 0; i < 300; i++) await world.wait(1000, bob);
    assert.deepEqual(told(alice), []);
  });

  test('that ran out comes back with the next sign of life', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'], keepaliveS: 3600 });
    const bob = await world.connect('bob:phone');
    await world.wait(2 * LEASE_MS);
    await world.wait(1000, bob);
    assert.deepEqual(told(alice), ['bob OFFLINE', 'bob ONLINE', 'bob OFFLINE', 'bob ONLINE']);
  });

  test('of a connection that is lost goes on, and no longer than the shortest one, whatever the keepalive', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'], keepaliveS: 3600 });
    const bob = await world.connect('bob:phone', { keepaliveS: 3600 });
    told(alice);
    await world.wait(20_000, bob);
    await world.wait(10_000);
    await world.disconnect(bob, { clean: false });
    await world.wait(LEASE_MS - 13_000);
    assert.deepEqual(told(alice), []);
    await world.wait(3000);
    assert.equal(lastSeen(alice), bob.heardAtMs);
    assert.deepEqual(told(alice), ['bob OFFLINE']);
  });

  test('of a connection that is lost after long silence ends at once', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'], keepaliveS: 3600 });
    const bob = await world.connect('bob:phone', { keepaliveS: 3600 });
    told(alice);
    await world.wait(2 * LEASE_MS);
    await world.disconnect(bob, { clean: false });
    await world.wait(2000);
    assert.deepEqual(told(alice), ['bob OFFLINE']);
    assert.equal((await world.context.storage.presence.get('bob', world.clock.nowMs)).lastSeenMs, bob.heardAtMs);
  });

  test('ends by the will, soon', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'] });
    const bob = await world.connect('bob:phone');
    told(alice);
    await world.disconnect(bob, { clean: false, will: State.OFFLINE });
    await world.wait(2000);
    assert.deepEqual(told(alice), ['bob OFFLINE']);
  });

  test('is left AWAY by such a will, until it runs out', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'], keepaliveS: 3600 });
    const bob = await world.connect('bob:phone');
    told(alice);
    await world.disconnect(bob, { clean: false, will: State.AWAY });
    await world.wait(2000);
    assert.deepEqual(told(alice), ['bob AWAY']);
    await world.wait(LEASE_MS);
    assert.deepEqual(told(alice), ['bob OFFLINE']);
  });
});
