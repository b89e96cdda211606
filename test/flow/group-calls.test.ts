import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Audience, Code, create, GroupChangeKind, GroupRole, GroupsAddRequestSchema, limits, RequestSchema, toBinary, type GroupPermission } from 'godwit-schemas';
import type { GroupRecord } from '../../broker/ports/groups.js';
import type { Storage } from '../../broker/ports/storage.js';
import { newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { done, group, people, refused, roles, say, story } from '../support/groups.js';

/** A store that a change is durable in, and of which nothing more is heard: the server died right then. */
class CrashAfterPut {
  private cut: (() => void) | undefined;

  constructor(private readonly at: (record: GroupRecord) => boolean) {}

  /** Resolves when the next change of that kind has come to that. */
  next(): Promise<void> {
    return new Promise((resolve) => (this.cut = resolve));
  }

  readonly wrap = (storage: Storage): Storage => {
    const { groups } = storage;
    const put: typeof groups.put = async (record) => {
      const answer = await groups.put(record);
      if (!this.cut || !this.at(record)) return answer;
      this.cut();
      this.cut = undefined;
      return new Promise<boolean>(() => undefined);
    };
    return { ...storage, groups: Object.assign(Object.create(groups) as typeof groups, { put }) };
  };
}

describe('what is asked for groups', () => {
  test('is checked: names (groupNameBytes), descriptions (groupDescriptionBytes), pictures (groupPictureBytes), users (groupMembers)', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_GROUP_MAX_MEMBERS: '3' } });
    const [alice] = await people(t, server, 'alice', 'bob', 'carol', 'dave');
    await refused(alice, 'groups.create', { group: 'birds' }, Code.MALFORMED);
    await refused(alice, 'groups.create', { group: 'birds', settings: { name: ' ' } }, Code.MALFORMED);
    await refused(alice, 'groups.create', { group: 'b/irds', settings: { name: 'Birds' } }, Code.MALFORMED);
    await refused(alice, 'groups.create', { settings: { name: 'Birds' }, members: ['nobody'] }, Code.UNKNOWN_USER);
    await refused(alice, 'groups.create', { settings: { name: 'x'.repeat(257) } }, Code.TOO_LARGE);
    await refused(alice, 'groups.create', { settings: { name: 'x', description: 'x'.repeat(4_097) } }, Code.TOO_LARGE);
    await refused(alice, 'groups.create', { settings: { name: 'x', picture: 'x'.repeat(1_025) } }, Code.TOO_LARGE);
    await refused(alice, 'groups.create', { settings: { name: 'x', maySend: 7 as GroupPermission } }, Code.MALFORMED);
    await refused(alice, 'groups.create', { settings: { name: 'Birds' }, members: ['bob', 'carol', 'dave'] }, Code.LIMIT_REACHED);
    const { group: made } = await done(alice, 'groups.create', { settings: { name: 'Birds' }, members: ['bob', 'bob', 'alice'] });
    assert.deepEqual(Object.keys(roles(made!)), ['alice', 'bob']);
    assert.match(made!.group, /^[A-Za-z0-9_-]{26}$/);
    await refused(alice, 'groups.add', { group: made!.group, users: ['carol', 'dave'] }, Code.LIMIT_REACHED);
    await refused(alice, 'groups.add', { group: made!.group, users: [] }, Code.MALFORMED);
    await refused(alice, 'groups.add', { group: made!.group, users: ['a b'] }, Code.MALFORMED);
    await refused(alice, 'groups.remove', { group: made!.group, users: ['alice'] }, Code.MALFORMED);
    await refused(alice, 'groups.promote', { group: made!.group, users: ['dave'] }, Code.UNKNOWN_USER);
    await refused(alice, 'groups.transfer', { group: made!.group, user: 'dave' }, Code.UNKNOWN_USER);
  });

  test('a call that is made again happens once, also when the server has forgotten it', async (t) => {
    const server = await startGodwit(t);
    const [alice] = await people(t, server, 'alice', 'bob');
    const callId = newId();
    const first = await alice.call('groups.create', { settings: { name: 'Birds' }, members: ['bob'] }, callId);
    await server.restart();
    const back = await Device.connect(t, server, 'alice:phone');
    const again = await back.call('groups.create', { settings: { name: 'Birds' }, members: ['bob'] }, callId);
    assert.equal(again.value?.group?.group, first.value?.group?.group);
    assert.equal((await done(back, 'groups.list', {})).groups.length, 1);
  });

  test('a change that is asked for again after a restart is not made again, whoever has undone it; who has left is not shown the group', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob', 'carol');
    await group([alice, bob], 'birds');
    await done(alice, 'groups.promote', { group: 'birds', users: ['bob'] });
    const [adding, leaving] = [newId(), newId()];
    const first = await bob.call('groups.add', { group: 'birds', users: ['carol'] }, adding);
    await done(alice, 'groups.remove', { group: 'birds', users: ['carol'] });
    await server.restart();
    const [back, bobBack] = [await Device.connect(t, server, 'alice:phone'), await Device.connect(t, server, 'bob:phone')];
    const again = await bobBack.call('groups.add', { group: 'birds', users: ['carol'] }, adding);
    assert.deepEqual([again.value?.changed, again.value?.group?.members.length], [first.value?.changed, 2], 'carol stays removed');
    await bobBack.call('groups.leave', { group: 'birds' }, leaving);
    await done(back, 'groups.add', { group: 'birds', users: ['carol'] });
    await server.restart();
    const [alice3, bob3] = [await Device.connect(t, server, 'alice:phone'), await Device.connect(t, server, 'bob:phone')];
    assert.ok((await bob3.call('groups.leave', { group: 'birds' }, leaving)).value, 'it is done already');
    const late = await bob3.call('groups.add', { group: 'birds', users: ['carol'] }, adding);
    assert.deepEqual([late.value?.changed, late.value?.group], [['carol'], undefined]);
    const { group: now } = await done(alice3, 'groups.get', { group: 'birds' });
    assert.deepEqual([roles(now!), now!.revision], [{ alice: 'CREATOR', carol: 'MEMBER' }, 6n]);
  });

  test('invitations, too, are made, taken back and used once; a repeat is answered with the same token', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob', 'carol');
    await group([alice], 'birds');
    const ids = { invite: newId(), revoke: newId(), join: newId() };
    const invite = { group: 'birds', expiresInS: 60, uses: 1 };
    const first = (await alice.call('groups.invite', invite, ids.invite)).value!;
    const { token, invitation } = await done(alice, 'groups.invite', { group: 'birds' });
    assert.deepEqual((await alice.call('groups.revoke', { group: 'birds', invitation: invitation!.invitation }, ids.revoke)).value?.revoked, true);
    const joined = (await bob.call('groups.join', { token: first.token }, ids.join)).value!;
    const { revision } = joined.group!;
    server.clock.advance(61_000);
    await server.restart();

    const [back, bobBack, carol] = await people(t, server, 'alice', 'bob', 'carol');
    assert.deepEqual((await back.call('groups.invite', invite, ids.invite)).value, first, 'though it is used up and over by now');
    assert.equal((await back.call('groups.revoke', { group: 'birds', invitation: invitation!.invitation }, ids.revoke)).value?.revoked, true);
    assert.deepEqual((await bobBack.call('groups.join', { token: first.token }, ids.join)).value, joined);
    assert.equal((await done(back, 'groups.get', { group: 'birds' })).group!.revision, revision, 'nothing was done again');
    assert.deepEqual((await done(back, 'groups.invitations', { group: 'birds' })).invitations, []);
    for (const good of [first.token, token]) await refused(carol, 'groups.join', { token: good }, Code.NOT_ALLOWED);
    // The same id with another call is not a repeat of it.
    assert.equal((await back.call('groups.invite', invite, ids.revoke)).error?.code, Code.CONFLICT);
    const fresh = (await bobBack.call('groups.invite', invite, ids.invite)).value!;
    assert.notEqual(fresh.token, first.token, 'ids are each caller\'s own');
  });

  test('whoever reads what is stored cannot join with it', async (t) => {
    const server = await startGodwit(t);
    const [alice] = await people(t, server, 'alice');
    await group([alice], 'birds');
    const callId = newId();
    const { token } = (await alice.call('groups.invite', { group: 'birds' }, callId)).value!;
    const secret = Buffer.from(token.split('.')[1], 'base64url');
    const stored = JSON.stringify((await server.godwit.storage.groups.get('birds'))!);
    for (const known of [secret, callId]) for (const coding of ['hex', 'base64', 'base64url'] as const) assert.ok(!stored.includes(Buffer.from(known).toString(coding)), coding);
  });

  const asking = {
    'groups.add': (device: Device, callId: Uint8Array) => device.call('groups.add', { group: 'birds', users: ['carol'] }, callId),
    'groups.create': (device: Device, callId: Uint8Array) => device.call('groups.create', { group: 'fish', settings: { name: 'Fish' }, members: ['carol'] }, callId),
  };
  for (const [method, ask] of Object.entries(asking)) {
    test(`${method}: who is asked first is told of it also when the server died before it could, and once`, async (t) => {
      const crash = new CrashAfterPut(() => true);
      const server = await startGodwit(t, { wrapStorage: crash.wrap });
      const [alice, carol] = await people(t, server, 'alice', 'carol');
      await done(carol, 'privacy.set', { groups: Audience.CONTACTS });
      await group([alice], 'birds');
      const callId = newId();
      const crashed = crash.next();
      ask(alice, callId).catch(() => undefined); // it gets no answer
      await crashed;
      for (let made = 1; made <= 2; made++) {
        await server.restart();
        const { value, error } = await ask(await Device.connect(t, server, 'alice:phone'), callId);
        assert.deepEqual(value?.invited, ['carol'], error?.text);
      }
      const there = await Device.connect(t, server, 'carol:phone');
      const { value } = await there.next('feed', 'the invitation');
      await there.settled();
      const invite = value.event?.kind.case === 'feed' ? value.event.kind.value.invite : undefined;
      assert.deepEqual([invite?.by, there.got('feed').length], ['alice', 1]);
      await done(there, 'groups.join', { token: invite!.token });
    });
  }

  test('groupCalls: so many calls are remembered with a group', async (t) => {
    const server = await startGodwit(t);
    const [alice] = await people(t, server, 'alice', 'bob');
    await group([alice], 'birds');
    for (let i = 0; i < limits.groupCalls.value + 3; i++) await done(alice, 'groups.update', { group: 'birds', name: `Birds ${i}` });
    const { calls } = (await server.godwit.storage.groups.get('birds'))!;
    assert.equal(calls?.length, limits.groupCalls.value);
  });

  test('what a crash cut off is carried out at the next start: the log and the feeds have it, once', async (t) => {
    const crash = new CrashAfterPut(({ revision }) => revision === 2);
    const server = await startGodwit(t, { wrapStorage: crash.wrap });
    const [alice, bob] = await people(t, server, 'alice', 'bob', 'carol');
    await group([alice, bob], 'birds');
    const crashed = crash.next();
    alice.client.publish('rpc/groups.add', Buffer.from(toBinary(RequestSchema, create(RequestSchema, { callId: newId(), params: toBinary(GroupsAddRequestSchema, create(GroupsAddRequestSchema, { group: 'birds', users: ['carol'] })) }))), { qos: 1 });
    await crashed;
    await server.restart();
    await server.restart();
    const carol = await Device.connect(t, server, 'carol:phone');
    await carol.next('feed', 'that she was added');
    await carol.settled();
    assert.deepEqual([story(carol, 'birds'), carol.got('feed').length], [['ADDED carol'], 1]);
    const back = await Device.connect(t, server, 'alice:phone');
    assert.equal((await say(back, 'birds', 'welcome')).code, Code.OK);
    await carol.message('welcome');
  });

  test('groupsOfUser: nobody is in more; groupsPage: the list is paged by itself', { timeout: 60_000 }, async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    const members = new Map([['bob', { role: GroupRole.CREATOR, joinedAtMs: 1 }]]);
    const settings = { name: 'x', description: '', picture: '', maySend: 0, mayEdit: 0, mayAdd: 0 } as const;
    const put = (i: number): Promise<boolean> => server.godwit.storage.groups.put({ group: `g${String(i).padStart(4, '0')}`, revision: 1, ...settings, createdAtMs: 1, members, invitations: [], intent: undefined });
    await Promise.all(Array.from({ length: limits.groupsOfUser.value - 2 }, (_, i) => put(i)));
    await group([alice], 'birds');
    const { token } = await done(alice, 'groups.invite', { group: 'birds' });
    const [making, joining] = [newId(), newId()];
    const made = (await bob.call('groups.create', { group: 'fish', settings: { name: 'Fish' } }, making)).value!;
    const joined = (await bob.call('groups.join', { token }, joining)).value!;
    await refused(bob, 'groups.create', { settings: { name: 'One more' } }, Code.LIMIT_REACHED);
    assert.match(await refused(alice, 'groups.create', { settings: { name: 'With bob' }, members: ['bob'] }, Code.LIMIT_REACHED), /^bob is in 1000 groups/);
    await group([alice], 'bees');
    await refused(bob, 'groups.join', { token: (await done(alice, 'groups.invite', { group: 'bees' })).token }, Code.LIMIT_REACHED);
    await server.restart();
    const back = await Device.connect(t, server, 'bob:phone');
    assert.deepEqual((await back.call('groups.create', { group: 'fish', settings: { name: 'Fish' } }, making)).value, made, 'what reached the limit is not refused for it when it is asked for again');
    assert.deepEqual((await back.call('groups.join', { token }, joining)).value, joined);
    await put(limits.groupsPage.value);
    const first = await done(back, 'groups.list', { limit: 5_000 });
    assert.deepEqual([first.groups.length, first.more], [limits.groupsPage.value, true]);
    const rest = await done(back, 'groups.list', { after: first.groups.at(-1)!.group });
    assert.deepEqual([rest.groups.length, rest.more], [1, false]);
  });

  test('groupInvitations and invitationDays: so many, so long', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await group([alice], 'birds');
    for (let i = 0; i < limits.groupInvitations.value - 1; i++) await done(alice, 'groups.invite', { group: 'birds', expiresInS: 60 });
    const { token, invitation } = await done(alice, 'groups.invite', { group: 'birds' });
    assert.ok(Math.abs(Number(invitation!.expiresAtMs) - server.clock.now() - limits.invitationDays.value * 86_400_000) < 60_000);
    await refused(alice, 'groups.invite', { group: 'birds' }, Code.LIMIT_REACHED);
    await refused(alice, 'groups.invite', { group: 'birds', expiresInS: 53 * 7 * 86_400 }, Code.MALFORMED);
    server.clock.advance(61_000);
    await done(alice, 'groups.invite', { group: 'birds' });
    server.clock.advance(limits.invitationDays.value * 86_400_000);
    await refused(bob, 'groups.join', { token }, Code.NOT_ALLOWED);
  });

  test('the list is paged, and says what one is there', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    for (const id of ['c', 'a', 'b']) await group([alice, bob], id);
    const first = await done(bob, 'groups.list', { limit: 2 });
    assert.deepEqual([first.groups.map(({ group: id, members, role }) => [id, members, GroupRole[role]]), first.more], [[['a', 2, 'MEMBER'], ['b', 2, 'MEMBER']], true]);
    const rest = await done(bob, 'groups.list', { limit: 2, after: 'b' });
    assert.deepEqual([rest.groups.map(({ group: id }) => id), rest.more], [['c'], false]);
  });

  test('a group that is made again by its creator is the same, as long as it is as it was made; any other is a CONFLICT', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await group([alice, bob], 'birds');
    assert.equal((await group([alice, bob], 'birds')).revision, 1n);
    await refused(bob, 'groups.create', { group: 'birds', settings: { name: 'Birds' }, members: ['alice'] }, Code.CONFLICT);
    await refused(alice, 'groups.create', { group: 'birds', settings: { name: 'Birds' } }, Code.CONFLICT);
    await refused(alice, 'groups.create', { group: 'birds', settings: { name: 'Waders' }, members: ['bob'] }, Code.CONFLICT);
    await done(alice, 'groups.update', { group: 'birds', name: 'Waders' });
    await refused(alice, 'groups.create', { group: 'birds', settings: { name: 'Birds' }, members: ['bob'] }, Code.CONFLICT);
    await alice.settled();
    assert.deepEqual(story(alice, 'birds'), ['CREATED alice,bob', 'UPDATED']);
  });

  test('who is added or removed is told in their feed', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await group([alice, bob], 'birds');
    await done(alice, 'groups.remove', { group: 'birds', users: ['bob'] });
    await bob.next('feed', 'the second entry', ({ value }) => value.seq === 2n);
    const notices = bob.got('feed').map(({ value }) => (value.event?.kind.case === 'feed' ? value.event.kind.value.group : undefined));
    assert.deepEqual(notices.map((notice) => [notice!.group, GroupChangeKind[notice!.kind], notice!.by, notice!.name, notice!.seq]), [['birds', 'CREATED', 'alice', 'Birds', 1n], ['birds', 'REMOVED', 'alice', 'Birds', 2n]]);
    assert.deepEqual(alice.got('feed'), []);
  });
});
