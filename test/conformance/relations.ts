import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Audience } from 'godwit-schemas';
import { OPEN, type Relations } from '../../broker/ports/relations.js';
import { everywhere, type Backend, type Make } from './backend.js';

/** What every Relations does. Each test has users of its own. */
export function suite(name: string, make: Make): void {
  describe(`Relations: ${name}`, () => {
    let backend: Backend;
    const relations = (): Relations => backend.storage.relations;
    before(async () => (backend = await make()));
    after(() => backend.remove());

    test('others are added and removed once, contacts and blocks apart', async () => {
      assert.deepEqual(await relations().add('a', 'contact', ['b', '__proto__', 'b'], 10), ['b', '__proto__']);
      assert.deepEqual(await relations().add('a', 'contact', ['b', 'c'], 10), ['c']);
      assert.deepEqual(await relations().add('a', 'block', ['b'], 10), ['b']);
      assert.deepEqual(await relations().remove('a', 'contact', ['c', 'd', 'c']), ['c']);
      await everywhere(backend, async () => {
        assert.deepEqual(await Promise.all([relations().has('a', 'contact', 'b'), relations().has('a', 'contact', 'c'), relations().has('a', 'block', 'b'), relations().has('b', 'contact', 'a')]), [true, false, true, false]);
        assert.deepEqual([await relations().list('a', 'contact', '', 10), await relations().list('a', 'block', '', 10)], [['__proto__', 'b'], ['b']]);
      });
    });

    test('never more than so many', async () => {
      await relations().add('most', 'contact', ['b', 'c'], 3);
      assert.equal(await relations().add('most', 'contact', ['d', 'e'], 3), undefined);
      assert.deepEqual(await relations().add('most', 'contact', ['c', 'd'], 3), ['d']);
      await everywhere(backend, async () => assert.deepEqual(await relations().list('most', 'contact', '', 10), ['b', 'c', 'd']));
    });

    test('are paged in byte order', async () => {
      await relations().add('page', 'block', ['b', 'Z', 'a', '_'], 10);
      await everywhere(backend, async () => assert.deepEqual([await relations().list('page', 'block', '', 2), await relations().list('page', 'block', '_', 2)], [['Z', '_'], ['a', 'b']]));
    });

    test('privacy is open until it is set, and changes what is given', async () => {
      assert.deepEqual(await relations().privacy('quiet'), OPEN);
      await relations().setPrivacy('quiet', { presence: Audience.NOBODY });
      assert.deepEqual(await relations().setPrivacy('quiet', { readReceipts: false }), { presence: Audience.NOBODY, groups: Audience.EVERYONE, readReceipts: false });
      await everywhere(backend, async () => assert.deepEqual(await relations().privacy('quiet'), { presence: Audience.NOBODY, groups: Audience.EVERYONE, readReceipts: false }));
    });

    test('a user who is removed is gone from the lists of others too', async () => {
      await relations().add('gone', 'contact', ['left'], 10);
      await relations().add('left', 'contact', ['gone', 'stays'], 10);
      await relations().add('left', 'block', ['gone'], 10);
      await relations().setPrivacy('gone', { readReceipts: false });
      await relations().removeUser('gone');
      await everywhere(backend, async () => {
        assert.deepEqual(await relations().privacy('gone'), OPEN);
        assert.deepEqual([await relations().list('gone', 'contact', '', 9), await relations().list('left', 'contact', '', 9), await relations().list('left', 'block', '', 9)], [[], ['stays'], []]);
      });
    });
  });
}
