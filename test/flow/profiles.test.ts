import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, limits } from 'godwit-schemas';
import { tokenFor, type TokenOptions } from '../support/address.js';
import { Device } from '../support/device.js';
import type { Scope } from '../support/folder.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { done, people, refused } from '../support/groups.js';
import { httpCall } from '../support/http.js';

const connect = (t: Scope, server: TestServer, id: string, options: TokenOptions): Promise<Device> => Device.connect(t, server, id, { password: tokenFor(server, id.split(':')[0], options) });
const phoneOf = async (device: Device): Promise<string> => (await done(device, 'profile.get', {})).profiles[0].phoneNumber;

describe('profiles', () => {
  test('what one says of oneself is there for others, also after a restart', async (t) => {
    const server = await startGodwit(t);
    const [alice] = await people(t, server, 'alice', 'bob');
    const { profile } = await done(alice, 'profile.set', { name: 'Alice', about: 'flies far' });
    assert.deepEqual([profile!.user, profile!.name, profile!.about, profile!.picture, profile!.phoneNumber], ['alice', 'Alice', 'flies far', '', '']);
    await done(alice, 'profile.set', { about: '', picture: 'https://example.com/a.jpg' });
    await server.restart();
    const bob = await Device.connect(t, server, 'bob:phone');
    const { profiles } = await done(bob, 'profile.get', { users: ['nobody', 'alice', 'bob', 'alice'] });
    assert.deepEqual(profiles.map((it) => [it.user, it.name, it.about, it.picture]), [['alice', 'Alice', '', 'https://example.com/a.jpg'], ['bob', '', '', '']]);
    assert.ok(profiles[0].changedAtMs >= profile!.changedAtMs && profiles[1].changedAtMs === 0n);
  });

  test('profileNameBytes, profileAboutBytes, profilePictureBytes and profilesOfCall at most', async (t) => {
    const server = await startGodwit(t);
    const [alice] = await people(t, server, 'alice');
    for (const [field, limit] of [['name', limits.profileNameBytes], ['about', limits.profileAboutBytes], ['picture', limits.profilePictureBytes]] as const) {
      await done(alice, 'profile.set', { [field]: 'ä'.repeat(limit.value / 2) });
      await refused(alice, 'profile.set', { [field]: `${'ä'.repeat(limit.value / 2)}x` }, Code.TOO_LARGE);
    }
    const users = Array.from({ length: limits.profilesOfCall.value }, (_, i) => `user${i}`);
    assert.deepEqual((await done(alice, 'profile.get', { users })).profiles, []);
    await refused(alice, 'profile.get', { users: [...users, 'one-more'] }, Code.TOO_LARGE);
    await refused(alice, 'profile.get', { users: ['no user'] }, Code.MALFORMED);
    assert.equal((await httpCall(server, 'nobody', 'profile.set', { name: 'x' })).error?.code, Code.UNKNOWN_USER);
  });

  test('a phone number comes with a token: of a CONNECT, auth.renew, or a call by HTTP; the one proven last counts', async (t) => {
    const server = await startGodwit(t);
    const alice = await connect(t, server, 'alice:phone', { phone: '+4911' });
    assert.equal(await phoneOf(alice), '+4911');
    const old = tokenFor(server, 'alice', { phone: '+4919', days: 9 });
    server.clock.advance(5_000);
    await done(alice, 'auth.renew', { token: tokenFor(server, 'alice', { phone: '+4912' }) });
    assert.equal(await phoneOf(alice), '+4912');
    server.clock.advance(5_000);
    assert.equal((await httpCall(server, 'alice', 'profile.get', {}, { phone: '+4913' })).value!.profiles[0].phoneNumber, '+4913');
    await httpCall(server, 'alice', 'profile.get', {}, { token: old });
    await httpCall(server, 'alice', 'profile.get', {});
    assert.equal(await phoneOf(alice), '+4913', 'an old token, and one that says nothing, change nothing');
    await done(alice, 'profile.set', { name: 'Alice' });
    await server.restart();
    assert.equal((await httpCall(server, 'alice', 'profile.get', {})).value!.profiles[0].phoneNumber, '+4913');
  });

  test('a number is seen by oneself, and by those whom one has among the contacts', async (t) => {
    const server = await startGodwit(t);
    const alice = await connect(t, server, 'alice:phone', { phone: '+4911' });
    const [bob] = await people(t, server, 'bob');
    const seen = async (): Promise<string> => (await done(bob, 'profile.get', { users: ['alice'] })).profiles[0].phoneNumber;
    assert.equal(await seen(), '');
    await done(bob, 'contacts.add', { users: ['alice'] });
    assert.equal(await seen(), '', 'to have somebody as a contact shows nothing');
    await done(alice, 'contacts.add', { users: ['bob'] });
    assert.equal(await seen(), '+4911');
  });
});

describe('contacts', () => {
  test('are added, removed and listed page by page, also after a restart', async (t) => {
    const server = await startGodwit(t);
    const [alice] = await people(t, server, 'alice', 'bob', 'carol', 'Dave');
    assert.deepEqual((await done(alice, 'contacts.add', { users: ['carol', 'bob'] })).changed.sort(), ['bob', 'carol']);
    assert.deepEqual((await done(alice, 'contacts.add', { users: ['carol', 'Dave'] })).changed, ['Dave']);
    await refused(alice, 'contacts.add', { users: ['bob', 'nobody'] }, Code.UNKNOWN_USER);
    await refused(alice, 'contacts.add', { users: ['alice'] }, Code.MALFORMED);
    await refused(alice, 'contacts.add', { users: [] }, Code.MALFORMED);
    for (const call of ['contacts.add', 'blocks.add'] as const) assert.equal((await httpCall(server, 'nobody', call, { users: ['bob'] })).error?.code, Code.UNKNOWN_USER, call);
    await refused(alice, 'contacts.list', { after: 'no user' }, Code.MALFORMED);
    await server.restart();
    const again = await Device.connect(t, server, 'alice:phone');
    const first = await done(again, 'contacts.list', { limit: 2 });
    assert.deepEqual([first.users, first.more], [['Dave', 'bob'], true]);
    const rest = await done(again, 'contacts.list', { after: 'bob' });
    assert.deepEqual([rest.users, rest.more], [['carol'], false]);
    assert.deepEqual((await done(again, 'contacts.remove', { users: ['bob', 'nobody'] })).changed, ['bob']);
    assert.deepEqual((await done(again, 'contacts.list', {})).users, ['Dave', 'carol']);
  });

  test('contactsOfUser, blocksOfUser, usersOfCall and relationsPage at most', async (t) => {
    const server = await startGodwit(t);
    const [alice] = await people(t, server, 'alice', 'bob');
    const { relations } = server.godwit.storage;
    const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `user${i}`);
    await refused(alice, 'contacts.remove', { users: many(limits.usersOfCall.value + 1) }, Code.TOO_LARGE);
    await done(alice, 'contacts.remove', { users: many(limits.usersOfCall.value) });
    for (const [relation, call, most] of [['contact', 'contacts.add', limits.contactsOfUser.value], ['block', 'blocks.add', limits.blocksOfUser.value]] as const) {
      await relations.add('alice', relation, many(most), most);
      await refused(alice, call, { users: ['bob'] }, Code.LIMIT_REACHED);
    }
    const { users, more } = await done(alice, 'contacts.list', { limit: 5_000 });
    assert.deepEqual([users.length, more], [limits.relationsPage.value, true]);
  });

  test('contacts.match says who has a number, but not who blocks the one who asks', async (t) => {
    const server = await startGodwit(t);
    const [alice] = await people(t, server, 'alice');
    await connect(t, server, 'bob:phone', { phone: '+4911' });
    const carol = await connect(t, server, 'carol:phone', { phone: '+4912' });
    const match = async (...phoneNumbers: string[]): Promise<unknown> => (await done(alice, 'contacts.match', { phoneNumbers })).matches.map((it) => [it.phoneNumber, it.user]);
    assert.deepEqual(await match('+4912', '+4999', '+4911', '+4911'), [['+4912', 'carol'], ['+4911', 'bob']]);
    await done(carol, 'blocks.add', { users: ['alice'] });
    assert.deepEqual(await match('+4912', '+4911'), [['+4911', 'bob']]);
    for (const wrong of ['4911', '+0911', '+49 11', '+49-11', '', '+4', `+${'4'.repeat(16)}`, '+49１１']) {
      assert.match(await refused(alice, 'contacts.match', { phoneNumbers: ['+4911', wrong] }, Code.MALFORMED), /^phone number 2 of 2 is not E\.164/);
    }
  });

  test('matchesOfCall numbers a call, matchesAnHour an hour; what is refused takes nothing', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    server.clock.stop();
    const numbers = (count: number, from: number): string[] => Array.from({ length: count }, (_, i) => `+49${from + i}`);
    const { matchesOfCall, matchesAnHour } = { matchesOfCall: limits.matchesOfCall.value, matchesAnHour: limits.matchesAnHour.value };
    await refused(alice, 'contacts.match', { phoneNumbers: numbers(matchesOfCall + 1, 1_000) }, Code.TOO_LARGE);
    const calls = Math.floor(matchesAnHour / matchesOfCall);
    for (let i = 0; i < calls; i++) await done(alice, 'contacts.match', { phoneNumbers: numbers(matchesOfCall, 1_000 + i * matchesOfCall) });
    const { error } = await alice.call('contacts.match', { phoneNumbers: numbers(500, 1_000) });
    assert.deepEqual([error?.code, error?.retryAfterMs], [Code.RATE_LIMITED, (500 / matchesAnHour) * 3_600_000]);
    await done(bob, 'contacts.match', { phoneNumbers: numbers(500, 1_000) });
    server.clock.advance(error!.retryAfterMs);
    await done(alice, 'contacts.match', { phoneNumbers: numbers(500, 1_000) });
  });
});
