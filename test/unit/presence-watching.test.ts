import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, limits, State } from 'godwit-schemas';
import { presencePlugin } from '../../plugins/presence/index.js';
import { Watchers } from '../../plugins/presence/watchers.js';
import { FakeSession } from './fake-context.js';
import { LEASE_MS, lastSeen, told, World } from './presence-world.js';

describe('a takeover', () => {
  const endings = { 'without a will': undefined, 'with the will to be offline': State.OFFLINE } as const;
  for (const [name, will] of Object.entries(endings)) {
    test(`${name} shows nowhere, the old connection ending before or after the new one begins`, async () => {
      for (const oldEndsFirst of [true, false]) {
        const world = new World();
        const alice = await world.connect('alice:phone', { watching: ['bob'], keepaliveS: 3600 });
        const old = await world.connect('bob:phone', { keepaliveS: 3600 });
        await world.wait(2 * LEASE_MS, alice); // silent for longer than a lost connection's lease
        told(alice);
        if (oldEndsFirst) await world.disconnect(old, { clean: false, will });
        const fresh = await world.connect('bob:phone');
        if (!oldEndsFirst) await world.disconnect(old, { clean: false, will });
        await world.wait(3000, fresh);
        assert.deepEqual(told(alice), []);
        await world.publish(fresh, State.AWAY);
        assert.deepEqual(told(alice), ['bob AWAY'], 'the old lease does not count any more');
        await world.disconnect(fresh, { clean: true });
        assert.deepEqual(told(alice), ['bob OFFLINE']);
      }
    });
  }

  test('is believed the same by those who come in the middle of it', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'] });
    const old = await world.connect('bob:phone');
    await world.disconnect(old, { clean: false, will: State.OFFLINE });
    const carol = await world.connect('carol:phone', { watching: ['bob'] });
    const fresh = await world.connect('bob:phone');
    await world.wait(3000, fresh);
    assert.deepEqual([told(alice), told(carol)], [['bob OFFLINE', 'bob ONLINE'], ['bob ONLINE']]);
  });

  test('leaves the old connection, and its filters, out', async () => {
    const world = new World();
    const old = await world.connect('alice:phone', { watching: ['bob'] });
    const fresh = await world.connect('alice:phone', { watching: ['bob'] });
    told(old);
    told(fresh);
    await world.connect('bob:phone');
    assert.deepEqual([told(old), told(fresh)], [[], ['bob ONLINE']]);
  });
});

describe('watching', () => {
  test('a restored session is told once its CONNACK is written, whenever its filters are restored', async () => {
    const world = new World();
    await world.connect('bob:phone');
    const early = new FakeSession('alice', 'phone', world.clock.nowMs);
    await world.subscribe(early, 'bob', 'carol');
    await world.connect('carol:phone');
    assert.deepEqual(told(early), []);
    await world.plugin.connected?.(early);
    assert.deepEqual(told(early), ['bob ONLINE', 'carol ONLINE']);
    const late = new FakeSession('alice', 'tablet', world.clock.nowMs);
    const connected = world.plugin.connected?.(late);
    await world.subscribe(late, 'bob', 'carol');
    await connected;
    assert.deepEqual(told(late), ['bob ONLINE', 'carol ONLINE']);
  });

  test('ends with UNSUBSCRIBE and with the session', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob', 'carol'] });
    const dave = await world.connect('dave:phone', { watching: ['bob'] });
    told(alice);
    told(dave);
    await world.plugin.unsubscribed?.(alice, ['presence/bob']);
    await world.disconnect(dave, { clean: true });
    await world.connect('bob:phone');
    await world.connect('carol:phone');
    assert.deepEqual([told(alice), told(dave)], [['carol ONLINE'], []]);
  });

  test('other filters is none of it', async () => {
    const world = new World();
    const session = await world.connect('alice:phone');
    await world.plugin.subscribed?.(session, ['u/alice/#', 'presence/+', 'presence/#', 'presence/a b', 'presence']);
    assert.equal(session.sent.length, 0);
    assert.deepEqual(world.context.errors, []);
  });

  test('shows nothing where mayReach objects, neither at the start nor later; oneself is always seen', async () => {
    const world = new World();
    world.context.objection = (from, to, what) => (what === 'presence' && (to === 'bob' ? from !== 'carol' : to === 'alice') ? { code: Code.NOT_ALLOWED, text: 'private' } : undefined);
    const alice = await world.connect('alice:phone', { watching: ['bob', 'carol', 'alice'] });
    const carol = await world.connect('carol:phone', { watching: ['bob'] });
    await world.connect('bob:phone');
    assert.deepEqual(told(alice).sort(), ['alice ONLINE', 'carol OFFLINE', 'carol ONLINE']);
    assert.deepEqual(told(carol), ['bob OFFLINE', 'bob ONLINE']);
  });

  test('is not told an older state after a newer one, also when the answer of mayReach takes its time', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'] });
    const bob = await world.connect('bob:phone');
    told(alice);
    const slow: (() => void)[] = [];
    world.context.mayReach = () => new Promise((resolve) => slow.push(() => resolve(undefined)));
    const changes: Promise<unknown>[] = [];
    for (const state of [State.AWAY, State.ONLINE, State.AWAY, State.ONLINE, State.OFFLINE]) {
      changes.push(world.publish(bob, state));
      await new Promise(setImmediate);
    }
    const watching = world.subscribe(alice, 'bob');
    let done = false;
    const all = Promise.all([...changes, watching]).then(() => (done = true));
    while (!done) {
      slow.pop()?.(); // the last one first
      await new Promise(setImmediate);
    }
    await all;
    assert.equal(told(alice).at(-1), 'bob OFFLINE');
  });

  test('leaves nothing behind', () => {
    const watchers = new Watchers();
    const session = new FakeSession('alice', 'phone', 0);
    watchers.add(session, ['presence/bob', 'presence/carol']);
    watchers.remove(session, ['presence/carol']);
    assert.deepEqual([[...watchers.of('bob')], [...watchers.of('carol')]], [[session], []]);
    watchers.removeAll(session);
    assert.deepEqual([[...watchers.of('bob')], [...watchers.watchedBy(session)]], [[], []]);
  });
});

describe('bounds', () => {
  test('a user who changes all the time is told so often, and then as it is', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'], keepaliveS: 3600 });
    const bob = await world.connect('bob:phone', { keepaliveS: 3600 });
    await world.wait(120_000, alice, bob);
    told(alice);
    for (let i = 0; i < 500; i++) await world.publish(bob, i % 2 === 0 ? State.AWAY : State.ONLINE);
    await world.publish(bob, State.AWAY);
    const first = told(alice);
    assert.equal(first.length, limits.presenceChangesPerMinute.value);
    await world.wait(3000, bob);
    assert.equal([...first, ...told(alice)].at(-1), 'bob AWAY');
  });

  test('forgets who is gone', async () => {
    const world = new World();
    for (let i = 0; i < 50; i++) {
      const session = await world.connect(`user${i}:phone`, { watching: ['bob'] });
      await world.disconnect(session, { clean: i % 2 === 0 });
    }
    await world.wait(2 * LEASE_MS);
    const { presence } = world.context.storage;
    for (let i = 0; i < 50; i++) assert.equal((await presence.get(`user${i}`, world.clock.nowMs)).state, State.OFFLINE);
    assert.deepEqual(await presence.lapsed(Number.MAX_SAFE_INTEGER), [], 'no lease is left');
  });
});

describe('a restart of the server', () => {
  test('finds everyone of the run before offline, with their last seen', async () => {
    const world = new World();
    const bob = await world.connect('bob:phone');
    await world.wait(3000, bob);
    await world.plugin.stop?.();
    assert.ok(world.ticksStopped);
    world.clock.nowMs += LEASE_MS;
    world.start();
    const alice = await world.connect('alice:phone', { watching: ['bob'] });
    assert.equal(lastSeen(alice), bob.heardAtMs);
    assert.deepEqual(told(alice), ['bob OFFLINE']);
    await world.connect('bob:phone');
    assert.deepEqual(told(alice), ['bob ONLINE']);
  });

  test('that never came to its start stops all the same', async () => {
    await presencePlugin().stop?.();
  });

  test('a store that fails is logged, and looked at again', async () => {
    const world = new World();
    const alice = await world.connect('alice:phone', { watching: ['bob'] });
    const bob = await world.connect('bob:phone');
    told(alice);
    const { presence } = world.context.storage;
    const lapsed = presence.lapsed.bind(presence);
    presence.lapsed = () => Promise.reject(new Error('the disk is away'));
    await world.wait(1000);
    assert.equal(world.context.errors.length, 1);
    presence.lapsed = lapsed;
    await world.wait(LEASE_MS, alice);
    assert.equal(lastSeen(alice), bob.heardAtMs);
    assert.deepEqual(told(alice), ['bob OFFLINE']);
  });
});
