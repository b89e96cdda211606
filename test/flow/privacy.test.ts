import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Audience, Code, publishTopics, State } from 'godwit-schemas';
import { Device } from '../support/device.js';
import type { Scope } from '../support/folder.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { done, group, people, refused, roles, say, story } from '../support/groups.js';
import { httpCall } from '../support/http.js';

const statesOf = (device: Device, user: string): string[] => device.got('presence').filter((it) => it.topic === `presence/${user}`).map(({ value }) => State[value.state]);
const sees = (device: Device, user: string, state: State, from = 0): Promise<unknown> =>
  device.next('presence', `the presence of ${user}`, (it) => it.topic === `presence/${user}` && it.value.state === state, from);

/** Devices of these, each of which watches all others. */
async function watching(t: Scope, server: TestServer, ...names: string[]): Promise<Device[]> {
  const devices = await people(t, server, ...names);
  for (const device of devices) await device.subscribe(names.filter((name) => name !== device.user).map((name) => `presence/${name}`));
  return devices;
}

/** Resolves when what a change of privacy led to has reached the device. */
async function calm(device: Device): Promise<void> {
  await done(device, 'privacy.get', {});
  await device.settled();
}

describe('a block', () => {
  test("keeps the blocked one's messages and typing away, on a connection that is open already; until it is taken back", async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    assert.equal((await bob.send('alice', 'one')).code, Code.OK);
    await alice.message('one');
    assert.deepEqual((await done(alice, 'blocks.add', { users: ['bob'] })).changed, ['bob']);
    assert.equal((await bob.send('alice', 'two')).code, Code.NOT_ALLOWED);
    assert.equal((await bob.publish(publishTopics.typing('d:alice:bob'), '')).code, Code.NOT_ALLOWED);
    assert.equal((await httpCall(server, 'bob', 'messages.send', { to: 'alice', message: {} })).error?.code, Code.NOT_ALLOWED);
    await server.restart();
    const again = await Device.connect(t, server, 'bob:phone');
    assert.equal((await again.send('alice', 'three')).code, Code.NOT_ALLOWED);
    const phone = await Device.connect(t, server, 'alice:phone');
    assert.deepEqual((await done(phone, 'blocks.list', {})).users, ['bob']);
    await done(phone, 'blocks.remove', { users: ['bob'] });
    assert.equal((await again.send('alice', 'four')).code, Code.OK);
    await phone.message('four');
    assert.deepEqual([...alice.got('typing'), ...phone.got('typing')], []);
    assert.deepEqual(phone.bodies, ['four']);
  });

  test('keeps presence from both, at once and for later watchers', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol] = await watching(t, server, 'alice', 'bob', 'carol');
    await Promise.all([sees(bob, 'alice', State.ONLINE), sees(alice, 'bob', State.ONLINE), sees(carol, 'alice', State.ONLINE)]);
    await done(alice, 'blocks.add', { users: ['bob'] });
    await Promise.all([sees(bob, 'alice', State.OFFLINE), sees(alice, 'bob', State.OFFLINE)]);
    assert.equal(bob.got('presence').at(-1)!.value.lastSeenMs, 0n);
    const laptop = await Device.connect(t, server, 'bob:laptop');
    await laptop.subscribe(['presence/alice', 'presence/carol']);
    await sees(laptop, 'carol', State.ONLINE);
    await alice.setPresence(State.AWAY);
    await sees(carol, 'alice', State.AWAY);
    await laptop.settled();
    await bob.settled();
    assert.deepEqual([statesOf(laptop, 'alice'), statesOf(bob, 'alice').slice(-1), statesOf(carol, 'alice')], [[], ['OFFLINE'], ['ONLINE', 'AWAY']]);
    await done(alice, 'blocks.remove', { users: ['bob'] });
    await Promise.all([sees(laptop, 'alice', State.AWAY), sees(bob, 'alice', State.AWAY), sees(alice, 'bob', State.ONLINE, alice.received.all.findLastIndex((it) => it.kind === 'presence' && it.topic === 'presence/bob' && it.value.state === State.OFFLINE))]);
  });

  test('keeps one out of their groups; in a common one their messages arrive', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', 'carol');
    await group([carol, alice, bob], 'common');
    await done(alice, 'blocks.add', { users: ['bob'] });
    assert.match(await refused(bob, 'groups.create', { group: 'trap', settings: { name: 'Trap' }, members: ['carol', 'alice'] }, Code.NOT_ALLOWED), /^alice: /);
    await group([bob, carol], 'other');
    assert.match(await refused(bob, 'groups.add', { group: 'other', users: ['alice'] }, Code.NOT_ALLOWED), /^alice: /);
    assert.equal((await say(bob, 'common', 'hello all')).code, Code.OK);
    await alice.message('hello all');
  });
});

describe('privacy', () => {
  test('is open at first, changes what is given, and outlives a restart', async (t) => {
    const server = await startGodwit(t);
    const [alice] = await people(t, server, 'alice');
    const show = async (device: Device): Promise<unknown> => (({ presence, groups, readReceipts }) => [presence, groups, readReceipts])((await done(device, 'privacy.get', {})).privacy!);
    assert.deepEqual(await show(alice), [Audience.EVERYONE, Audience.EVERYONE, true]);
    await done(alice, 'privacy.set', { presence: Audience.NOBODY });
    await done(alice, 'privacy.set', { groups: Audience.CONTACTS, readReceipts: false });
    await refused(alice, 'privacy.set', { groups: 7 as Audience }, Code.MALFORMED);
    await server.restart();
    assert.deepEqual(await show(await Device.connect(t, server, 'alice:phone')), [Audience.NOBODY, Audience.CONTACTS, false]);
  });

  test('of presence: who hides it is not seen, and does not see others, at once; everyone, contacts, nobody', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol] = await watching(t, server, 'alice', 'bob', 'carol');
    await Promise.all([sees(bob, 'alice', State.ONLINE), sees(carol, 'alice', State.ONLINE), sees(alice, 'bob', State.ONLINE), sees(alice, 'carol', State.ONLINE)]);
    await done(alice, 'contacts.add', { users: ['bob'] });
    await done(alice, 'privacy.set', { presence: Audience.CONTACTS });
    await Promise.all([sees(carol, 'alice', State.OFFLINE), sees(alice, 'carol', State.OFFLINE)]);
    await calm(bob);
    assert.deepEqual([statesOf(bob, 'alice'), statesOf(alice, 'bob')], [['ONLINE'], ['ONLINE']], 'a contact sees it, and is told nothing twice');
    await carol.setPresence(State.AWAY);
    await sees(bob, 'carol', State.AWAY);
    await calm(alice);
    assert.equal(statesOf(alice, 'carol').at(-1), 'OFFLINE');
    await done(alice, 'contacts.add', { users: ['carol'] });
    await Promise.all([sees(carol, 'alice', State.ONLINE, carol.received.all.length - 1), sees(alice, 'carol', State.AWAY)]);
    await done(alice, 'contacts.remove', { users: ['bob'] });
    await Promise.all([sees(bob, 'alice', State.OFFLINE), sees(alice, 'bob', State.OFFLINE)]);
    await done(alice, 'privacy.set', { presence: Audience.NOBODY });
    await sees(carol, 'alice', State.OFFLINE, carol.received.all.findLastIndex((it) => it.kind === 'presence' && it.topic === 'presence/alice' && it.value.state === State.ONLINE));
    const laptop = await Device.connect(t, server, 'alice:laptop');
    await laptop.subscribe(['presence/bob', 'presence/alice']);
    await sees(laptop, 'alice', State.ONLINE);
    await laptop.settled();
    assert.deepEqual(statesOf(laptop, 'bob'), [], 'their own presence only');
  });

  test('of groups: who is no contact sends an invitation, which comes in the feed', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol, dave] = await people(t, server, 'alice', 'bob', 'carol', 'dave');
    await done(carol, 'privacy.set', { groups: Audience.CONTACTS });
    await done(dave, 'privacy.set', { groups: Audience.NOBODY });
    const made = await done(alice, 'groups.create', { group: 'birds', settings: { name: 'Birds' }, members: ['bob', 'carol', 'dave'] });
    assert.deepEqual([roles(made.group!), made.invited], [{ alice: 'CREATOR', bob: 'MEMBER' }, ['carol', 'dave']]);
    const invite = async (device: Device) => {
      const { value } = await device.next('feed', 'an invitation', (it) => it.value.event?.kind.case === 'feed' && it.value.event.kind.value.invite !== undefined);
      assert.ok(value.event?.kind.case === 'feed');
      return value.event.kind.value.invite!;
    };
    const { token, ...about } = await invite(carol);
    assert.deepEqual([about.group, about.name, about.by], ['birds', 'Birds', 'alice']);
    assert.equal((await say(carol, 'birds', 'hello')).code, Code.UNKNOWN_CONVERSATION);
    await done(carol, 'groups.join', { token });
    assert.equal((await say(carol, 'birds', 'hello')).code, Code.OK);
    await done(carol, 'groups.leave', { group: 'birds' });

    await done(carol, 'contacts.add', { users: ['bob'] });
    const { invited, changed, group: after } = await done(bob, 'groups.add', { group: 'birds', users: ['carol', 'dave', 'alice'] });
    assert.deepEqual([changed, invited, Object.keys(roles(after!))], [['carol'], ['dave'], ['alice', 'bob', 'carol']]);
    await done(dave, 'groups.join', { token: (await invite(dave)).token });
    await alice.settled();
    assert.deepEqual(story(alice, 'birds'), ['CREATED alice,bob', 'JOINED carol', 'hello', 'LEFT carol', 'ADDED carol', 'JOINED dave']);
    const only = await done(bob, 'groups.create', { settings: { name: 'Two' }, members: ['dave'] });
    assert.deepEqual([roles(only.group!), only.invited], [{ bob: 'CREATOR' }, ['dave']]);
  });

  test('of read receipts: off for one, neither is told of reading in their one-to-one; in groups all are', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await group([alice, bob], 'birds');
    await done(bob, 'privacy.set', { readReceipts: false });
    await alice.send('bob', 'one');
    await bob.message('one');
    await bob.send('alice', 'two');
    await alice.message('two');
    await Promise.all([alice.read('d:alice:bob', 2), bob.read('d:alice:bob', 2)]);
    const { seq } = await say(alice, 'birds', 'all');
    await bob.message('all');
    await bob.read('g:birds', seq);
    await alice.next('receipt', 'blue ticks in the group', (it) => it.value.conversation === 'g:birds' && it.value.read >= seq);
    await alice.next('receipt', 'that it was delivered', (it) => it.value.conversation === 'd:alice:bob' && it.value.delivered >= 1n);
    await alice.settled();
    await bob.settled();
    for (const device of [alice, bob]) {
      const direct = device.got('receipt').filter((it) => it.value.conversation === 'd:alice:bob');
      assert.deepEqual([...new Set(direct.map((it) => it.value.read))].filter((read) => read > 0n), [], device.id);
    }
    await done(bob, 'privacy.set', { readReceipts: true });
    await alice.send('bob', 'three');
    await bob.message('three');
    await bob.read('d:alice:bob', 3);
    await alice.next('receipt', 'blue ticks', (it) => it.value.conversation === 'd:alice:bob' && it.value.read >= 3n);
  });
});
