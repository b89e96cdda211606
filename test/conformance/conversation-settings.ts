import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { NOTHING_SET, type ConversationSettings } from '../../broker/ports/conversation-settings.js';
import { everywhere as lookEverywhere, type Backend, type Make } from './backend.js';

/** What every ConversationSettings does. Each test has users of its own. */
export function suite(name: string, make: Make): void {
  describe(`ConversationSettings: ${name}`, () => {
    let backend: Backend;
    let settings: ConversationSettings;
    before(async () => {
      backend = await make();
      settings = backend.storage.conversationSettings;
    });
    after(() => backend.remove());

    /** As it stands at once, where it stays, and after a restart. */
    const everywhere = (check: () => Promise<void>): Promise<void> =>
      lookEverywhere(backend, () => {
        settings = backend.storage.conversationSettings;
        return check();
      });

    test('nothing is set at first', async () => {
      assert.deepEqual(await settings.get('nobody', 'd:a:nobody'), NOTHING_SET);
      assert.equal((await settings.ofUser('nobody')).size, 0);
    });

    test('what is named is changed, the rest stays', async () => {
      assert.deepEqual(await settings.set('set', 'd:a:set', { pinned: true }), { ...NOTHING_SET, pinned: true });
      assert.deepEqual(await settings.set('set', 'd:a:set', { mutedUntilMs: 2 ** 45, archived: true }), { ...NOTHING_SET, pinned: true, archived: true, mutedUntilMs: 2 ** 45 });
      await settings.set('set', 'd:a:set', { archived: false });
      await everywhere(async () => assert.deepEqual(await settings.get('set', 'd:a:set'), { ...NOTHING_SET, pinned: true, mutedUntilMs: 2 ** 45 }));
    });

    test('changes at once do not lose one another', async () => {
      await Promise.all([settings.set('both', 'd:a:both', { pinned: true }), settings.set('both', 'd:a:both', { archived: true }), settings.set('both', 'd:a:both', { mutedUntilMs: 7 })]);
      await everywhere(async () => assert.deepEqual(await settings.get('both', 'd:a:both'), { ...NOTHING_SET, pinned: true, archived: true, mutedUntilMs: 7 }));
    });

    test('what was cleared stays so', async () => {
      await settings.set('clear', 'd:a:clear', { clearedTo: 9 });
      assert.equal((await settings.set('clear', 'd:a:clear', { clearedTo: 5 })).clearedTo, 9);
      assert.equal((await settings.set('clear', 'd:a:clear', { pinned: true })).clearedTo, 9);
      await everywhere(async () => assert.equal((await settings.get('clear', 'd:a:clear')).clearedTo, 9));
    });

    test('each user and conversation has its own', async () => {
      await settings.set('own', 'd:__proto__:own', { pinned: true });
      await settings.set('own', 'g:own', { archived: true });
      await settings.set('own2', 'g:own', { pinned: true });
      await everywhere(async () => {
        const mine = [...(await settings.ofUser('own'))].sort(([a], [b]) => (a < b ? -1 : 1));
        assert.deepEqual(mine, [['d:__proto__:own', { ...NOTHING_SET, pinned: true }], ['g:own', { ...NOTHING_SET, archived: true }]]);
        assert.deepEqual(await settings.get('own2', 'd:__proto__:own'), NOTHING_SET);
      });
    });
  });
}
