import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits, Reason } from 'godwit-schemas';
import { bodyOf, checkPlaces, gapOf, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import type { Scope } from '../support/folder.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { done, group, people, say, story } from '../support/groups.js';
import { until } from '../support/recorder.js';

const conversation = 'd:alice:bob';
const DAY_MS = 86_400_000;

/** The oldest place that is kept. */
async function firstOf(server: TestServer, of = conversation): Promise<number> {
  return (await server.godwit.storage.log.head(of))!.first;
}

/** A bob who was here and is away, and messages for him. */
async function whileAway(t: Scope, server: TestServer, ...bodies: string[]): Promise<void> {
  await (await Device.connect(t, server, 'bob:phone')).leave();
  const alice = await Device.connect(t, server, 'alice:phone');
  for (const body of bodies) await alice.send('bob', body);
  await alice.leave();
}

describe('retention by age', () => {
  test('trims what is older; who lacks it is told TRIMMED, and the places stay counted', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_RETENTION: '30d' } });
    await whileAway(t, server, 'one', 'two');
    server.clock.advance(20 * DAY_MS);
    await whileAway(t, server, 'three');
    server.clock.advance(11 * DAY_MS);
    // Retention is looked at right after the start.
    await server.restart();
    await until('the first two are trimmed', async () => (await firstOf(server)) === 3);
    const bob = await Device.connect(t, server, 'bob:phone');
    const messages = await bob.messages(2);
    assert.deepEqual(messages.map((it) => gapOf(it) ?? bodyOf(it)), [{ from: 1n, to: 2n, reason: Reason.TRIMMED }, 'three']);
    checkPlaces(messages);
    const alice = await Device.connect(t, server, 'alice:phone');
    assert.equal((await alice.send('bob', 'four')).seq, 4n);
  });

  test('of everything leaves a gap up to the head, and the next place is the next one', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_RETENTION: '90m' } });
    await whileAway(t, server, 'one', 'two');
    server.clock.advance(2 * 3_600_000);
    await server.restart();
    await until('all is trimmed', async () => (await firstOf(server)) === 3);
    const bob = await Device.connect(t, server, 'bob:phone');
    assert.deepEqual(gapOf((await bob.messages(1))[0]), { from: 1n, to: 2n, reason: Reason.TRIMMED });
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.send('bob', 'three');
    assert.equal((await bob.message('three')).value.seq, 3n);
    checkPlaces(bob.got('msg'));
  });

  test('keeps nothing of the body: neither read nor resend brings it back', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_RETENTION: '1h' } });
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.send('bob', 'old');
    server.clock.advance(2 * 3_600_000);
    await server.restart();
    await until('it is trimmed', async () => (await firstOf(server)) === 2);
    assert.deepEqual(await server.godwit.storage.log.read(conversation, 1, { entries: 10, bytes: 10_000 }), []);
    assert.equal((await (await Device.connect(t, server, 'alice:phone')).send('bob', 'new', { id: newId() })).seq, 2n);
  });
});

describe('retention until delivered', () => {
  const env = { GODWIT_RETENTION: 'delivered' };

  test('trims what every device of both has, and nothing before', async (t) => {
    const server = await startGodwit(t, { env });
    const alice = await Device.connect(t, server, 'alice:phone');
    const phone = await Device.connect(t, server, 'bob:phone');
    const tablet = await Device.connect(t, server, 'bob:tablet');
    for (const body of ['one', 'two', 'three']) await alice.send('bob', body);
    await phone.messages(3);
    await tablet.messages(3);
    await tablet.settled();
    await tablet.leave();
    await alice.send('bob', 'four');
    await phone.message('four');
    await phone.settled();
    await server.restart();
    await until('three places are trimmed', async () => (await firstOf(server)) === 4);
    const back = await Device.connect(t, server, 'bob:tablet');
    await back.message('four');
    assert.ok(back.got('msg').every((it) => gapOf(it) === undefined));
  });

  test('waits retentionDeliveredMs for a device that does not come, and then no more', async (t) => {
    const server = await startGodwit(t, { env });
    await whileAway(t, server, 'one');
    server.clock.advance(limits.retentionDeliveredMs.value - DAY_MS);
    await whileAway(t, server, 'two');
    assert.equal(await firstOf(server), 1);
    server.clock.advance(2 * DAY_MS);
    await server.restart();
    await until('the first is trimmed', async () => (await firstOf(server)) === 2);
    const bob = await Device.connect(t, server, 'bob:phone');
    const messages = await bob.messages(2);
    assert.deepEqual(messages.map((it) => gapOf(it) ?? bodyOf(it)), [{ from: 1n, to: 1n, reason: Reason.TRIMMED }, 'two']);
  });
});

describe('retention until delivered, in a group', () => {
  const env = { GODWIT_RETENTION: 'delivered' };
  const birds = 'g:birds';

  /** Starts it again, and waits until retention was looked at: another conversation, which is looked at later, was trimmed. */
  async function swept(t: Scope, server: TestServer): Promise<Device[]> {
    const [alice, carol] = await people(t, server, 'alice', 'carol');
    const { seq } = await alice.send('carol', 'a mark');
    await carol.message('a mark');
    await Promise.all([alice, carol].map((device) => device.settled()));
    await server.restart();
    await until('retention was looked at', async () => (await firstOf(server, 'd:alice:carol')) > Number(seq));
    return people(t, server, 'alice', 'carol');
  }

  /** bob, who is away, was removed after two messages; the others have what was said then. */
  async function removedWhileAway(t: Scope, server: TestServer): Promise<void> {
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', 'carol');
    await group([alice, bob, carol], 'birds'); // 1
    await Promise.all([alice, bob, carol].map((device) => device.settled()));
    await bob.leave();
    for (const body of ['one', 'two']) await say(alice, 'birds', body); // 2, 3
    await done(alice, 'groups.remove', { group: 'birds', users: ['bob'] }); // 4
    await say(alice, 'birds', 'three'); // 5
    await carol.message('three');
  }

  test('who was removed while away is given what was said until then, without a gap; what came after does not wait for them', async (t) => {
    const server = await startGodwit(t, { env });
    await removedWhileAway(t, server);
    await swept(t, server);
    assert.equal(await firstOf(server, birds), 2);
    const bob = await Device.connect(t, server, 'bob:phone');
    await bob.messages(3);
    await bob.settled();
    assert.deepEqual(story(bob, 'birds'), ['one', 'two', 'REMOVED bob']);
    checkPlaces(bob.got('msg'));
    await swept(t, server);
    assert.equal(await firstOf(server, birds), 6, 'everyone has all that is theirs');
  });

  test('for at most retentionDeliveredMs', async (t) => {
    const server = await startGodwit(t, { env });
    await removedWhileAway(t, server);
    server.clock.advance(limits.retentionDeliveredMs.value + DAY_MS);
    const [alice] = await swept(t, server);
    assert.equal(await firstOf(server, birds), 6);
    await say(alice, 'birds', 'four');
    const bob = await Device.connect(t, server, 'bob:phone');
    await bob.messages(1);
    await bob.settled();
    assert.deepEqual(story(bob, 'birds'), ['gap 2-4 TRIMMED']);
  });

  test('who joins later does not keep what was said before, even if they have never connected', async (t) => {
    const server = await startGodwit(t, { env });
    const [alice, carol] = await people(t, server, 'alice', 'carol');
    await server.godwit.storage.directory.addUser('dave', server.now());
    await group([alice, carol], 'birds'); // 1
    await say(alice, 'birds', 'one'); // 2
    await done(alice, 'groups.add', { group: 'birds', users: ['dave'] }); // 3
    await say(alice, 'birds', 'two'); // 4
    await carol.message('two');
    await swept(t, server);
    assert.equal(await firstOf(server, birds), 3);
    const dave = await Device.connect(t, server, 'dave:phone');
    await dave.messages(2);
    assert.deepEqual(story(dave, 'birds'), ['ADDED dave', 'two']);
  });
});

test('retention forever keeps everything', async (t) => {
  const server = await startGodwit(t, { env: { GODWIT_RETENTION: 'forever' } });
  await whileAway(t, server, 'one', 'two');
  server.clock.advance(4_000 * DAY_MS);
  await server.restart();
  // What disappears goes all the same: then the sweep was there.
  const alice = await Device.connect(t, server, 'alice:phone');
  await alice.send('bob', 'three', { expiresInS: 1 });
  server.clock.advance(2_000);
  await until('the sweep was there', async () => (await server.godwit.storage.log.read(conversation, 3, { entries: 1, bytes: 1 }))[0].state !== 0);
  const bob = await Device.connect(t, server, 'bob:phone');
  assert.deepEqual((await bob.messages(3)).map((it) => gapOf(it) ?? bodyOf(it)), ['one', 'two', { from: 3n, to: 3n, reason: Reason.EXPIRED }]);
});
