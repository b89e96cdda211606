import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, GroupChangeKind, GroupPermission, publishTopics, type Result } from 'godwit-schemas';
import { encodeMessage, newId } from '../support/deliveries.js';
import { startGodwit } from '../support/godwit.js';
import { changeOf, done, group, people, refused, roles, say, story } from '../support/groups.js';

describe('who may what in a group', () => {
  test('roles: admins remove members, the creator removes admins; promote, demote, transfer', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol, dave] = await people(t, server, 'alice', 'bob', 'carol', 'dave');
    await group([alice, bob, carol, dave], 'birds');
    await refused(bob, 'groups.promote', { group: 'birds', users: ['bob'] }, Code.NOT_ALLOWED);
    await refused(bob, 'groups.remove', { group: 'birds', users: ['carol'] }, Code.NOT_ALLOWED);
    const promoted = await done(alice, 'groups.promote', { group: 'birds', users: ['bob', 'carol'] });
    assert.deepEqual([promoted.changed, roles(promoted.group!)], [['bob', 'carol'], { alice: 'CREATOR', bob: 'ADMIN', carol: 'ADMIN', dave: 'MEMBER' }]);
    assert.deepEqual((await done(alice, 'groups.promote', { group: 'birds', users: ['bob'] })).changed, [], 'it is so already');
    await refused(bob, 'groups.remove', { group: 'birds', users: ['carol'] }, Code.NOT_ALLOWED);
    await refused(bob, 'groups.remove', { group: 'birds', users: ['alice'] }, Code.NOT_ALLOWED);
    await refused(bob, 'groups.demote', { group: 'birds', users: ['carol'] }, Code.NOT_ALLOWED);
    await done(carol, 'groups.demote', { group: 'birds', users: ['carol'] });
    await done(bob, 'groups.remove', { group: 'birds', users: ['carol'] });
    await refused(bob, 'groups.transfer', { group: 'birds', user: 'dave' }, Code.NOT_ALLOWED);
    const { group: after } = await done(alice, 'groups.transfer', { group: 'birds', user: 'dave' });
    assert.deepEqual(roles(after!), { alice: 'ADMIN', bob: 'ADMIN', dave: 'CREATOR' });
    await refused(alice, 'groups.delete', { group: 'birds' }, Code.NOT_ALLOWED);
    await done(dave, 'groups.delete', { group: 'birds' });
    await refused(dave, 'groups.get', { group: 'birds' }, Code.UNKNOWN_CONVERSATION);
    await refused(dave, 'groups.create', { group: 'birds', settings: { name: 'Again' } }, Code.CONFLICT);
    await alice.settled();
    assert.equal(story(alice, 'birds').at(-1), 'ENDED alice,bob,dave');
  });

  test('permissions: who sends, edits and adds', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', 'carol');
    const { ADMINS } = GroupPermission;
    await group([alice, bob], 'birds');
    assert.equal((await say(bob, 'birds', 'hello')).code, Code.OK);
    await done(alice, 'groups.update', { group: 'birds', maySend: ADMINS, mayEdit: ADMINS, mayAdd: ADMINS });
    assert.equal((await say(bob, 'birds', 'hello?')).code, Code.NOT_ALLOWED, 'also on a connection that has written there before');
    await refused(bob, 'groups.update', { group: 'birds', name: 'Mine' }, Code.NOT_ALLOWED);
    await refused(bob, 'groups.add', { group: 'birds', users: [carol.user] }, Code.NOT_ALLOWED);
    await refused(bob, 'groups.invite', { group: 'birds' }, Code.NOT_ALLOWED);
    assert.equal((await say(alice, 'birds', 'news')).code, Code.OK);
    await done(alice, 'groups.promote', { group: 'birds', users: ['bob'] });
    assert.equal((await say(bob, 'birds', 'hello!')).code, Code.OK);
  });

  test('a message that waited for a limit, and then may not be sent at all, holds back none that come after it', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_MESSAGES_PER_MINUTE: '2' } });
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await group([alice, bob], 'birds');
    for (const body of ['one', 'two']) assert.equal((await say(bob, 'birds', body)).code, Code.OK);
    const id = newId();
    const third = (): Promise<Result> => bob.publish(publishTopics.group('birds'), encodeMessage('three', { id }), id);
    assert.equal((await third()).code, Code.RATE_LIMITED);
    await done(alice, 'groups.update', { group: 'birds', maySend: GroupPermission.ADMINS });
    server.clock.advance(61_000);
    assert.equal((await third()).code, Code.NOT_ALLOWED);
    await done(alice, 'groups.update', { group: 'birds', maySend: GroupPermission.EVERYONE });
    assert.equal((await say(bob, 'birds', 'four')).code, Code.OK);
  });

  test('leaving: the creator hands over to the admin of the longest standing, else the member; the last one ends it', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', 'carol');
    await group([alice, bob, carol], 'birds');
    await done(alice, 'groups.promote', { group: 'birds', users: ['carol'] });
    await done(alice, 'groups.leave', { group: 'birds' });
    assert.deepEqual(roles((await done(bob, 'groups.get', { group: 'birds' })).group!), { bob: 'MEMBER', carol: 'CREATOR' });
    await done(carol, 'groups.leave', { group: 'birds' });
    assert.deepEqual(roles((await done(bob, 'groups.get', { group: 'birds' })).group!), { bob: 'CREATOR' });
    await bob.settled();
    const left = bob.got('msg').map(changeOf).filter((change) => change?.kind === GroupChangeKind.LEFT);
    assert.deepEqual(left.map((change) => [change!.by, change!.successor]), [['alice', 'carol'], ['carol', 'bob']]);
    await done(bob, 'groups.leave', { group: 'birds' });
    await bob.settled();
    assert.equal(story(bob, 'birds').at(-1), 'ENDED bob');
    assert.deepEqual((await done(bob, 'groups.list', {})).groups, []);
  });

  test('two who change at once lose nothing; a change of a revision that is old is a CONFLICT', async (t) => {
    const server = await startGodwit(t);
    const names = ['alice', 'bob', ...Array.from({ length: 20 }, (_, i) => `user${i}`)];
    const [alice, bob] = await people(t, server, ...names);
    await group([alice, bob], 'birds');
    await done(alice, 'groups.promote', { group: 'birds', users: ['bob'] });
    await Promise.all(names.slice(2).map((name, i) => done(i % 2 ? alice : bob, 'groups.add', { group: 'birds', users: [name] })));
    const { group: after } = await done(alice, 'groups.get', { group: 'birds' });
    assert.deepEqual([after!.members.length, after!.revision], [22, 22n]);
    await alice.settled();
    const revisions = alice.got('msg').flatMap((it) => changeOf(it)?.revision ?? []);
    assert.deepEqual(revisions, Array.from({ length: 22 }, (_, i) => BigInt(i + 1)), 'each once, in order');
    await refused(bob, 'groups.update', { group: 'birds', revision: 21n, name: 'Old' }, Code.CONFLICT);
    await done(bob, 'groups.update', { group: 'birds', revision: 22n, name: 'New' });
  });

  test('invitations: for so many, for so long, until they are taken back', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol, dave] = await people(t, server, 'alice', 'bob', 'carol', 'dave');
    await group([alice], 'birds');
    const { token, invitation } = await done(alice, 'groups.invite', { group: 'birds', uses: 1, expiresInS: 60 });
    const { group: joined } = await done(bob, 'groups.join', { token });
    assert.deepEqual(roles(joined!), { alice: 'CREATOR', bob: 'MEMBER' });
    await refused(carol, 'groups.join', { token }, Code.NOT_ALLOWED);
    assert.deepEqual((await done(alice, 'groups.invitations', { group: 'birds' })).invitations, [], 'it is used up');
    await refused(alice, 'groups.join', { token: 'birds.guess' }, Code.NOT_ALLOWED);
    await refused(carol, 'groups.join', { token: 'nothing.guess' }, Code.NOT_ALLOWED);
    await refused(carol, 'groups.join', { token: 'no token' }, Code.MALFORMED);
    const second = await done(alice, 'groups.invite', { group: 'birds', expiresInS: 60 });
    await done(carol, 'groups.join', { token: second.token });
    server.clock.advance(61_000);
    await refused(dave, 'groups.join', { token: second.token }, Code.NOT_ALLOWED);
    const third = await done(alice, 'groups.invite', { group: 'birds' });
    await refused(bob, 'groups.revoke', { group: 'birds', invitation: third.invitation!.invitation }, Code.NOT_ALLOWED);
    assert.equal((await done(alice, 'groups.revoke', { group: 'birds', invitation: third.invitation!.invitation })).revoked, true);
    assert.equal((await done(alice, 'groups.revoke', { group: 'birds', invitation: invitation!.invitation })).revoked, false);
    await refused(dave, 'groups.join', { token: third.token }, Code.NOT_ALLOWED);
    await alice.settled();
    assert.deepEqual(story(alice, 'birds'), ['CREATED alice', 'JOINED bob', 'JOINED carol']);
  });
});
