import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Audience, Code, limits, State } from 'godwit-schemas';
import { tokenFor, type Address } from '../support/address.js';
import { gapOf, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { done, group, people, refused, roles, say, story } from '../support/groups.js';
import { httpCall } from '../support/http.js';
import { serveProcess } from '../support/process.js';
import { until } from '../support/recorder.js';

/** All pieces, those of one name together. */
async function exported(server: Address, user: string): Promise<Record<string, any>> {
  const whole: Record<string, any> = {};
  for (let after = '', pieces = 0; ; pieces++) {
    const { value } = await httpCall(server, user, 'account.export', { after });
    assert.ok(value!.json.length < 1_000_000 && pieces < 100);
    for (const [name, part] of Object.entries(JSON.parse(value!.json))) whole[name] = Array.isArray(whole[name]) ? [...whole[name], ...(part as unknown[])] : part;
    if (value!.next === '') return whole;
    after = value!.next;
  }
}

const text = (row: { body: string }): string => Buffer.from(row.body, 'base64').toString();

/** An alice who has something of everything. */
async function lifeOfAlice(server: TestServer, [alice, bob, carol]: Device[]): Promise<void> {
  await done(alice, 'profile.set', { name: 'Alice' });
  await done(alice, 'contacts.add', { users: ['bob'] });
  await done(bob, 'contacts.add', { users: ['alice'] });
  await done(carol, 'blocks.add', { users: ['alice'] });
  await done(alice, 'blocks.add', { users: ['carol'] });
  await done(alice, 'privacy.set', { groups: Audience.NOBODY });
  await done(alice, 'reports.add', { user: 'carol', reason: 'spam' });
  await group([alice, bob], 'birds');
  await done(bob, 'groups.create', { group: 'asked', settings: { name: 'Asked' }, members: ['alice'] });
  await done(alice, 'groups.invite', { group: 'birds' });
  await say(alice, 'birds', 'to all');
  await bob.send('alice', 'from bob');
  await alice.message('from bob');
  await alice.send('bob', 'from alice');
  await alice.send('alice', 'note');
  await alice.read('d:alice:bob', 1);
  await alice.next('feed', 'the invitation');
  await server.godwit.storage.cursors.flush();
}

describe('account.export', () => {
  test('says everything about a user, and nothing of what others wrote', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', 'carol');
    await lifeOfAlice(server, [alice, bob, carol]);
    await httpCall(server, 'alice', 'profile.get', {}, { phone: '+4911' });
    const all = await exported(server, 'alice');
    assert.deepEqual([all.user, all.profile.name, all.profile.phone, all.contacts, all.blocks, all.privacy], ['alice', 'Alice', '+4911', ['bob'], ['carol'], { presence: 'EVERYONE', groups: 'NOBODY', readReceipts: true }]);
    assert.deepEqual(all.devices.map((it: any) => [it.device, it.filters]), [['phone', ['u/alice/#']]]);
    assert.deepEqual(all.reports.map((it: any) => [it.user, it.reason]), [['carol', 'spam']]);
    assert.deepEqual(all.conversations.map((it: any) => [it.conversation, it.name ?? '', it.read]), [['d:alice:alice', '', 0], ['d:alice:bob', '', 1], ['g:birds', 'Birds', 0], ['u:alice', '', 0]]);
    assert.deepEqual(all.messages.map((it: any) => [it.conversation, it.seq, text(it)]), [['d:alice:alice', 1, 'note'], ['d:alice:bob', 2, 'from alice'], ['g:birds', 2, 'to all']]);
    await refused(alice, 'account.export', { after: 'what' }, Code.MALFORMED);
    await refused(alice, 'account.export', { after: 'message d:alice:bob x' }, Code.MALFORMED);
  });

  test('comes in pieces of exportPage and exportPageBytes', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    const large = 'x'.repeat(60_000);
    const most = limits.exportPageBytes.value;
    for (let i = 0; i < 2 + most / large.length; i++) await alice.send('bob', `${i} ${large}`);
    await Promise.all(Array.from({ length: limits.exportPage.value + 10 }, (_, i) => (i % 2 ? alice : bob).send('alice', `small ${i}`)));
    const all = await exported(server, 'alice');
    const seqs = (conversation: string): number[] => all.messages.filter((it: any) => it.conversation === conversation).map((it: any) => it.seq);
    assert.equal(new Set(seqs('d:alice:alice')).size, (limits.exportPage.value + 10) / 2);
    assert.equal(seqs('d:alice:alice').length, (limits.exportPage.value + 10) / 2, 'each once');
    const bodies = all.messages.filter((it: any) => it.conversation === 'd:alice:bob' && text(it).endsWith('x')).length;
    assert.equal(bodies, Math.ceil(2 + most / large.length));
    const { value } = await httpCall(server, 'alice', 'account.export', { after: 'message ' });
    assert.notEqual(value!.next, '');
  });
});

describe('account.delete', () => {
  test('leaves nothing but their places in the conversations of others; whoever comes by that name has nothing', async (t) => {
    const server = await startGodwit(t);
    const devices = await people(t, server, 'alice', 'bob', 'carol');
    const [alice, bob, carol] = devices;
    await bob.subscribe('presence/alice');
    await lifeOfAlice(server, devices);
    await bob.message('from alice');
    const old = tokenFor(server, 'alice', { device: 'tablet' });
    await refused(alice, 'account.delete', { user: 'bob' }, Code.MALFORMED);
    await refused(alice, 'account.delete', {}, Code.MALFORMED);
    assert.equal((await httpCall(server, 'alice', 'account.delete', { user: 'alice' })).status, 200);
    await alice.closed;
    assert.equal(alice.got('result').at(-1)!.value.code, Code.REVOKED);
    await bob.next('presence', 'that she is gone', (it) => it.value.state === State.OFFLINE && it.value.lastSeenMs === 0n);
    assert.equal((await bob.send('alice', 'are you there?')).code, Code.UNKNOWN_USER);
    assert.deepEqual((await done(bob, 'contacts.list', {})).users, []);
    assert.deepEqual((await done(carol, 'blocks.list', {})).users, []);
    assert.deepEqual((await done(bob, 'profile.get', { users: ['alice'] })).profiles, []);
    assert.deepEqual(roles((await done(bob, 'groups.get', { group: 'birds' })).group!), { bob: 'CREATOR' });
    assert.deepEqual((await done(bob, 'groups.invitations', { group: 'birds' })).invitations, []);
    await bob.settled();
    assert.deepEqual(story(bob, 'birds'), ['CREATED alice,bob', 'to all', 'LEFT alice']);
    const { log, cursors, directory, presence, reports } = server.godwit.storage;
    assert.deepEqual([await log.conversationsOf('alice'), await directory.devicesOf('alice'), await reports.list('', 9), await directory.removals()], [[], [], [], []]);
    assert.deepEqual([(await cursors.ofDevice('alice', 'phone')).size, (await cursors.user('alice', 'd:alice:bob')).read, (await presence.get('alice', 0)).lastSeenMs], [0, 0, 0]);
    for (const own of ['d:alice:alice', 'u:alice']) assert.deepEqual(await log.read(own, 1, { entries: 9, bytes: 9_999 }), [], own);
    assert.equal((await log.read('d:alice:bob', 1, { entries: 9, bytes: 9_999 })).length, 2, "bob's conversation is his");

    await server.restart();
    const again = await Device.connect(t, server, 'alice:tablet', { password: old });
    assert.equal(again.sessionPresent, false);
    await again.settled();
    assert.deepEqual(again.received.all.filter((it) => it.kind !== 'presence'), [], 'nothing of before');
    const all = await exported(server, 'alice');
    assert.deepEqual([all.profile, all.contacts, all.blocks, all.conversations.filter((it: any) => it.conversation !== 'd:alice:alice'), all.privacy.groups], [undefined, [], [], [], 'EVERYONE']);
    const peer = await Device.connect(t, server, 'bob:phone');
    await peer.send('alice', 'welcome');
    const welcome = await again.message('welcome');
    assert.deepEqual([welcome.value.seq, welcome.value.after], [3n, 2n]);
    await again.send('bob', 'thanks');
    await peer.message('thanks');
    await done(peer, 'groups.add', { group: 'birds', users: ['alice'] });
    const laptop = await Device.connect(t, server, 'alice:laptop');
    await laptop.settled();
    for (const device of [again, laptop]) {
      await device.settled();
      assert.deepEqual(device.got('msg').map(gapOf).filter((gap) => gap), [], `${device.id} has no gap`);
      assert.ok(!device.bodies.includes('from bob') && !story(device, 'birds').includes('to all'), device.id);
    }
  });

  test('of a user who is written to all the time loses no one else anything, and is whole', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await alice.send('bob', 'first');
    let going = true;
    const codes: Code[] = [];
    const writing = (async () => {
      while (going) codes.push((await bob.send('alice', `m${codes.length}`)).code);
    })();
    await until('some are there', async () => codes.length > 20);
    assert.equal((await httpCall(server, 'alice', 'account.delete', { user: 'alice' })).status, 200);
    const { log, directory } = server.godwit.storage;
    assert.deepEqual([await log.conversationsOf('alice'), await directory.user('alice')], [[], undefined]);
    await until('bob is refused', async () => codes.at(-1) === Code.UNKNOWN_USER);
    going = false;
    await writing;
    assert.deepEqual(await log.conversationsOf('alice'), []);
    const accepted = codes.filter((code) => code === Code.OK).length;
    assert.equal((await log.head('d:alice:bob'))!.head, accepted + 1);
    assert.ok(codes.slice(accepted).every((code) => code === Code.UNKNOWN_USER));
  });

  test('that a crash interrupts is finished by the next start', async (t) => {
    let broken = true;
    const server = await startGodwit(t, {
      errorsExpected: true,
      wrapStorage: (storage) => {
        const forget = storage.relations.removeUser.bind(storage.relations);
        storage.relations.removeUser = (user) => (broken ? Promise.reject(new Error('the power is gone')) : forget(user));
        return storage;
      },
    });
    const devices = await people(t, server, 'alice', 'bob', 'carol');
    await lifeOfAlice(server, devices);
    assert.equal((await httpCall(server, 'alice', 'account.delete', { user: 'alice' }, { callId: newId().toString() })).error?.code, Code.INTERNAL);
    assert.deepEqual(await server.godwit.storage.directory.removals(), ['alice']);
    broken = false;
    await server.restart();
    const { log, directory, relations } = server.godwit.storage;
    assert.deepEqual([await directory.removals(), await log.conversationsOf('alice'), await relations.list('alice', 'contact', '', 9), await relations.list('bob', 'contact', '', 9)], [[], [], [], []]);
  });

  test('and kill -9 at any moment: all of it is there, or nothing', async (t) => {
    const server = await serveProcess(t);
    const outcomes = new Set<string>();
    for (let round = 0; round < 8; round++) {
      const [alice, bob, carol] = [`alice${round}`, `bob${round}`, `carol${round}`];
      const devices = await people(t, server, alice, bob, carol);
      const group = `birds${round}`;
      await done(devices[0], 'profile.set', { name: 'Alice' });
      await done(devices[0], 'contacts.add', { users: [bob, carol] });
      await done(devices[1], 'contacts.add', { users: [alice] });
      await done(devices[0], 'groups.create', { group, settings: { name: 'Birds' }, members: [bob] });
      await devices[0].send(bob, 'hello');
      const answer = httpCall(server, alice, 'account.delete', { user: alice }).then(({ status }) => status, () => 'killed');
      await new Promise((resolve) => setTimeout(resolve, round * 2));
      await server.kill();
      const answered = await answer;
      await server.start();
      const all = await exported(server, alice);
      const members = Object.keys(roles((await httpCall(server, bob, 'groups.get', { group })).value!.group!)).sort();
      const isWhole = all.createdAtMs !== undefined;
      if (answered === 200) assert.equal(isWhole, false, 'what was answered is done');
      const expected = isWhole ? ['Alice', [bob, carol], 2, [alice, bob]] : [undefined, [], 0, [bob]];
      assert.deepEqual([all.profile?.name, all.contacts, all.conversations.filter((it: any) => !it.conversation.startsWith('u:')).length, members], expected, `round ${round}`);
      assert.deepEqual((await httpCall(server, bob, 'contacts.list', {})).value!.users, isWhole ? [alice] : []);
      outcomes.add(isWhole ? 'whole' : answered === 200 ? 'answered' : 'finished');
    }
    t.diagnostic([...outcomes].join());
  });

  test('admin.users.remove does the same', async (t) => {
    const server = await startGodwit(t);
    const devices = await people(t, server, 'alice', 'bob', 'carol');
    await lifeOfAlice(server, devices);
    assert.equal((await httpCall(server, 'root', 'admin.users.remove', { user: 'alice' }, { admin: true })).value!.removed, true);
    await devices[0].closed;
    assert.deepEqual(await server.godwit.storage.log.conversationsOf('alice'), []);
    assert.deepEqual(roles((await done(devices[1], 'groups.get', { group: 'birds' })).group!), { bob: 'CREATOR' });
  });
});
