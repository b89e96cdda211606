import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Code } from 'godwit-schemas';
import type { Append, ConversationLog, MembershipChange } from '../../broker/ports/conversation-log.js';
import { again, append } from './appends.js';
import { everywhere as lookEverywhere, type Backend, type Make } from './backend.js';

const change = (joined: string[], left: string[] = []): MembershipChange => ({ joined, left });
const own = (group: string, membership?: MembershipChange): Append => append(group, '', 'event', { membership });
const say = (group: string, from: string): Append => append(group, from, 'hello');

/** Who is in a group, when, and who may write into it. Each test has a group of its own. */
export function suite(name: string, make: Make): void {
  describe(`Membership: ${name}`, () => {
    let backend: Backend;
    let log: ConversationLog;
    before(async () => {
      backend = await make();
      log = backend.storage.log;
    });
    after(() => backend.remove());

    /** As it stands in memory, where it stays, and after a restart. */
    const everywhere = (check: () => Promise<void>): Promise<void> =>
      lookEverywhere(backend, () => {
        log = backend.storage.log;
        return check();
      });

    const members = async (group: string): Promise<string[]> => [...(await log.membersOf(group))].sort();

    test('a group begins with a membership: those who join are in it from that place on, and have it in their lists', async () => {
      const first = own('g:begin', change(['a', 'b']));
      await log.append([first, say('g:begin', 'a'), say('g:begin', 'b')]);
      assert.deepEqual([first.code, first.seq], [Code.OK, 1]);
      await everywhere(async () => {
        assert.deepEqual(await members('g:begin'), ['a', 'b']);
        assert.deepEqual(await log.windowsOf('g:begin', 'a'), [{ from: 1, to: Infinity }]);
        assert.deepEqual(await log.windowsOf('g:begin', 'c'), []);
        assert.ok((await log.conversationsOf('b')).includes('g:begin'));
        assert.ok(!(await log.conversationsOf('c')).includes('g:begin'));
        assert.equal((await log.head('g:begin'))?.head, 3);
      });
    });

    test('nobody begins a group by writing into it', async () => {
      const one = say('g:nothing', 'a');
      await log.append([one]);
      assert.equal(one.code, Code.UNKNOWN_CONVERSATION);
      assert.equal(await log.head('g:nothing'), undefined);
      assert.deepEqual(await log.membersOf('g:nothing'), []);
      assert.deepEqual(await log.windowsOf('g:nothing', 'a'), []);
    });

    test('only members write; what stands behind a removal in the same batch is refused', async () => {
      await log.append([own('g:write', change(['a', 'b']))]);
      const batch = [say('g:write', 'b'), say('g:write', 'c'), own('g:write', change(['c'], ['b'])), say('g:write', 'b'), say('g:write', 'c')];
      await log.append(batch);
      assert.deepEqual(batch.map(({ code }) => code), [Code.OK, Code.NOT_ALLOWED, Code.OK, Code.NOT_ALLOWED, Code.OK]);
      assert.deepEqual(batch.filter(({ code }) => code === Code.OK).map(({ seq }) => seq), [2, 3, 4]);
      const resent = again(batch[0]);
      const late = again(batch[3]);
      await log.append([resent, late]);
      assert.deepEqual([resent.code, resent.duplicate, resent.seq], [Code.OK, true, 2], 'what was accepted before stays accepted');
      assert.equal(late.code, Code.NOT_ALLOWED);
      await everywhere(async () => {
        assert.deepEqual(await members('g:write'), ['a', 'c']);
        assert.deepEqual(await log.windowsOf('g:write', 'b'), [{ from: 1, to: 3 }]);
        assert.ok((await log.conversationsOf('b')).includes('g:write'), 'what was theirs stays theirs');
      });
    });

    test('what was refused before they joined is accepted after', async () => {
      await log.append([own('g:later', change(['a']))]);
      const early = say('g:later', 'b');
      await log.append([early]);
      assert.equal(early.code, Code.NOT_ALLOWED);
      const retried = again(early);
      await log.append([own('g:later', change(['b'])), retried]);
      assert.deepEqual([retried.code, retried.duplicate, retried.seq], [Code.OK, false, 3]);
    });

    test('who comes again has a second window; the hole between stays', async () => {
      await log.append([own('g:again', change(['a', 'b'])), own('g:again', change([], ['b'])), say('g:again', 'a'), own('g:again', change(['b'])), say('g:again', 'b')]);
      await everywhere(async () => assert.deepEqual(await log.windowsOf('g:again', 'b'), [{ from: 1, to: 2 }, { from: 4, to: Infinity }]));
    });

    test('everyone who is or was in it is told with their windows, but for who was forgotten', async () => {
      await log.append([own('g:all', change(['a', 'b', '__proto__', 'gone'])), own('g:all', change(['c'], ['b', 'gone'])), append('d:all:other', 'all', 'x')]);
      await log.forgetUser('gone');
      const all = async (conversation: string): Promise<unknown> => [...(await log.allWindows(conversation))].sort(([a], [b]) => (a < b ? -1 : 1));
      await everywhere(async () => {
        assert.deepEqual(await all('g:all'), [['__proto__', [{ from: 1, to: Infinity }]], ['a', [{ from: 1, to: Infinity }]], ['b', [{ from: 1, to: 2 }]], ['c', [{ from: 2, to: Infinity }]]]);
        assert.deepEqual(await all('d:all:other'), [['all', [{ from: 1, to: Infinity }]], ['other', [{ from: 1, to: Infinity }]]]);
        assert.deepEqual(await all('g:none'), []);
      });
    });

    test('joining twice, or leaving what one is not in, changes nothing; the same entry happens once', async () => {
      const first = own('g:twice', change(['a']));
      await log.append([first, own('g:twice', change(['a'], ['b']))]);
      const resent = again(first);
      await log.append([resent]);
      assert.deepEqual([resent.duplicate, resent.seq], [true, 1]);
      const leaving = own('g:twice', change([], ['a']));
      await log.append([leaving, again(leaving), own('g:twice', change(['a']))]);
      await log.append([again(leaving)]);
      assert.deepEqual(await log.windowsOf('g:twice', 'a'), [{ from: 1, to: 3 }, { from: 4, to: Infinity }]);
      assert.deepEqual(await log.windowsOf('g:twice', 'b'), []);
    });

    test('everyone may leave; the group is then nobody\'s, and only the server can write', async () => {
      await log.append([own('g:empty', change(['a'])), own('g:empty', change([], ['a']))]);
      const late = say('g:empty', 'a');
      await log.append([late]);
      assert.equal(late.code, Code.NOT_ALLOWED);
      await everywhere(async () => assert.deepEqual(await log.membersOf('g:empty'), []));
    });

    test('a thousand join at once', async () => {
      const users = Array.from({ length: 1_024 }, (_, i) => `user-${i}`);
      await log.append([own('g:thousand', change(users)), say('g:thousand', 'user-1023')]);
      await everywhere(async () => {
        assert.equal((await log.membersOf('g:thousand')).length, 1_024);
        assert.deepEqual(await log.conversationsOf('user-512'), ['g:thousand']);
      });
    });

    test('who is forgotten is in nothing any more; what they wrote to others stays, what was only theirs goes', async () => {
      await log.append([append('d:left:lost', 'lost', 'hello'), append('d:lost:lost', 'lost', 'note'), append('u:lost', '', 'feed'), own('g:lost', change(['lost', 'left'])), own('g:lost', change([], ['lost']))]);
      await log.forgetUser('lost');
      await everywhere(async () => {
        assert.deepEqual(await log.conversationsOf('lost'), []);
        for (const conversation of ['d:left:lost', 'd:lost:lost', 'u:lost', 'g:lost']) assert.deepEqual(await log.windowsOf(conversation, 'lost'), [], conversation);
        assert.deepEqual([await log.membersOf('d:left:lost'), await log.membersOf('d:lost:lost')], [['left'], []]);
        assert.deepEqual(await log.windowsOf('d:left:lost', 'left'), [{ from: 1, to: Infinity }]);
        assert.equal((await log.read('d:left:lost', 1, { entries: 9, bytes: 999 })).length, 1);
        for (const conversation of ['d:lost:lost', 'u:lost']) assert.deepEqual(await log.read(conversation, 1, { entries: 9, bytes: 999 }), [], conversation);
      });
    });

    test('who was forgotten comes back with the next entry, and is given nothing from before; also more than once', async () => {
      await log.append([append('d:back:stays', 'back', 'one'), append('u:back', '', 'one')]);
      for (const [round, place] of [[1, 2], [2, 3]]) {
        await log.forgetUser('back');
        if (round === 2) await backend.settle();
        const next = append('d:back:stays', 'stays', `round ${round}`);
        await log.append([next, append('u:back', '', `round ${round}`)]);
        assert.deepEqual([next.code, next.seq], [Code.OK, place]);
        await everywhere(async () => {
          assert.deepEqual(await log.windowsOf('d:back:stays', 'back'), [{ from: place, to: Infinity }]);
          assert.deepEqual(await log.windowsOf('u:back', 'back'), [{ from: place, to: Infinity }]);
          assert.deepEqual(await log.windowsOf('d:back:stays', 'stays'), [{ from: 1, to: Infinity }]);
          assert.deepEqual([...(await log.conversationsOf('back'))].sort(), ['d:back:stays', 'u:back']);
          assert.deepEqual(await members('d:back:stays'), ['back', 'stays']);
          assert.equal((await log.head('d:back:stays'))?.head, place);
        });
      }
    });

    test('nobody comes back by a resend', async () => {
      const first = append('d:resend:stays', 'stays', 'one');
      await log.append([first]);
      await log.forgetUser('resend');
      const resent = again(first);
      await log.append([resent]);
      assert.equal(resent.duplicate, true);
      await everywhere(async () => assert.deepEqual(await log.conversationsOf('resend'), []));
    });

    test('a one-to-one: both, always; names of Object.prototype are users', async () => {
      await log.append([append('d:a:b', 'a', 'x')]);
      for (const user of ['a', 'b']) assert.deepEqual(await log.windowsOf('d:a:b', user), [{ from: 1, to: Infinity }]);
      assert.deepEqual(await log.windowsOf('d:a:b', 'c'), []);
      await log.append([own('g:names', change(['__proto__', 'constructor']))]);
      await everywhere(async () => {
        assert.deepEqual(await members('g:names'), ['__proto__', 'constructor']);
        assert.deepEqual(await log.windowsOf('g:names', 'toString'), []);
      });
    });
  });
}
