import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { create, GroupChangeKind, GroupChangeSchema, GroupPermission, GroupRole } from 'godwit-schemas';
import type { GroupRecord, Groups } from '../../broker/ports/groups.js';
import { everywhere as lookEverywhere, type Backend, type Make } from './backend.js';

function record(group: string, revision: number, users: string[], more: Partial<GroupRecord> = {}): GroupRecord {
  const members = new Map(users.map((user, i) => [user, { role: i === 0 ? GroupRole.CREATOR : GroupRole.MEMBER, joinedAtMs: i }]));
  return {
    ...{ group, revision, name: 'Birds', description: '', picture: '', createdAtMs: 1, members, invitations: [], intent: undefined },
    ...{ maySend: GroupPermission.EVERYONE, mayEdit: GroupPermission.ADMINS, mayAdd: GroupPermission.ADMINS },
    ...more,
  };
}

const intent = (revision: number) => ({
  atMs: 5,
  change: create(GroupChangeSchema, { revision: BigInt(revision), kind: GroupChangeKind.ADDED, by: 'a', users: ['b'] }),
  membership: { joined: ['b'], left: [] },
});

/** What every Groups does. Each test has groups and users of its own. */
export function suite(name: string, make: Make): void {
  describe(`Groups: ${name}`, () => {
    let backend: Backend;
    let groups: Groups;
    before(async () => {
      backend = await make();
      groups = backend.storage.groups;
    });
    after(() => backend.remove());

    /** As it stands at once, where it stays, and after a restart. */
    const everywhere = (check: () => Promise<void>): Promise<void> =>
      lookEverywhere(backend, () => {
        groups = backend.storage.groups;
        return check();
      });

    test('a record is given back as it was put, its members in their order', async () => {
      const one = record('whole', 1, ['z', 'a', '__proto__'], {
        ...{ name: 'Wäder', description: 'x', picture: 'p', maySend: GroupPermission.ADMINS, intent: intent(1) },
        invitations: [{ id: 'i', hash: 'h', by: 'z', expiresAtMs: 7, usesLeft: 3 }],
        calls: [{ by: 'z', id: '0a', users: ['a', '__proto__'] }, { by: 'a', id: '0b', users: [], invitation: { id: 'i', madeAtMs: 5, expiresAtMs: 7, uses: 3, sealed: 'ff', asked: ['__proto__', 'b'] } }],
      });
      assert.equal(await groups.put(one), true);
      await everywhere(async () => {
        const found = (await groups.get('whole'))!;
        assert.deepEqual({ ...found, members: [...found.members] }, { ...one, members: [...one.members] });
        assert.equal(await groups.get('nothing'), undefined);
      });
    });

    test('a record takes the place of the revision before it, and of no other', async () => {
      assert.equal(await groups.put(record('cas', 2, ['a'])), false, 'there is none');
      assert.equal(await groups.put(record('cas', 1, ['a'])), true);
      assert.equal(await groups.put(record('cas', 1, ['b'])), false);
      assert.equal(await groups.put(record('cas', 3, ['b'])), false);
      const both = await Promise.all([groups.put(record('cas', 2, ['a', 'b'])), groups.put(record('cas', 2, ['a', 'c']))]);
      assert.equal(both.filter((put) => put).length, 1, 'of two at once one');
      await everywhere(async () => assert.equal((await groups.get('cas'))?.revision, 2));
    });

    test('whose groups they are follows the members; paged in byte order', async () => {
      for (const group of ['of-b', 'of-a', 'of-C']) await groups.put(record(group, 1, ['list', 'other']));
      await groups.put(record('of-b', 2, ['other']));
      await everywhere(async () => {
        assert.deepEqual(await groups.ofUser('list', '', 10), ['of-C', 'of-a']);
        assert.deepEqual(await groups.ofUser('list', 'of-C', 10), ['of-a']);
        assert.deepEqual(await groups.ofUser('other', '', 2), ['of-C', 'of-a']);
        assert.deepEqual([await groups.countOf('list'), await groups.countOf('other'), await groups.countOf('nobody')], [2, 3, 0]);
      });
      await groups.put(record('of-b', 3, ['other', 'list']));
      assert.equal(await groups.countOf('list'), 3);
    });

    test('all of them are paged through in byte order, those that have ended too', async () => {
      for (const group of ['page-b', 'page-a', 'page-C']) await groups.put(record(group, 1, ['a']));
      await groups.put(record('page-a', 2, []));
      const mine = async (after: string): Promise<unknown[]> => (await groups.all(after, 2)).filter(({ group }) => group.startsWith('page')).map(({ group, members }) => [group, members.size]);
      await everywhere(async () => {
        assert.deepEqual(await mine('page'), [['page-C', 1], ['page-a', 0]]);
        assert.deepEqual(await mine('page-a'), [['page-b', 1]]);
      });
    });

    test('an intent is unfinished until it is done, of that revision', async () => {
      const mine = async (): Promise<string[]> => (await groups.unfinished()).filter((group) => group.startsWith('intent'));
      await groups.put(record('intent-1', 1, ['a', 'b'], { intent: intent(1) }));
      await groups.put(record('intent-2', 1, ['a']));
      await everywhere(async () => assert.deepEqual(await mine(), ['intent-1']));
      await groups.done('intent-1', 7);
      await groups.done('nothing', 1);
      assert.deepEqual(await mine(), ['intent-1']);
      await groups.put(record('intent-1', 2, ['a', 'b', 'c'], { intent: intent(2) }));
      await groups.done('intent-1', 1);
      assert.deepEqual((await groups.get('intent-1'))?.intent?.change.revision, 2n, 'the next one is not carried out');
      await groups.done('intent-1', 2);
      await everywhere(async () => {
        assert.deepEqual(await mine(), []);
        const { intent: none, revision, members } = (await groups.get('intent-1'))!;
        assert.deepEqual([none, revision, members.size], [undefined, 2, 3]);
      });
    });
  });
}
