import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Profiles } from '../../broker/ports/profiles.js';
import { everywhere, type Backend, type Make } from './backend.js';

/** What every Profiles does. Each test has users and numbers of its own. */
export function suite(name: string, make: Make): void {
  describe(`Profiles: ${name}`, () => {
    let backend: Backend;
    const profiles = (): Profiles => backend.storage.profiles;
    before(async () => (backend = await make()));
    after(() => backend.remove());

    test('a profile keeps what was set, and changes what is given', async () => {
      assert.equal(await profiles().get('__proto__'), undefined);
      await profiles().set('__proto__', { name: 'Jürgen', about: 'hier' }, 5);
      const [one, two] = await Promise.all([profiles().set('__proto__', { picture: 'p' }, 7), profiles().set('__proto__', { about: '' }, 7)]);
      const expected = { user: '__proto__', name: 'Jürgen', about: '', picture: 'p', phone: '', phoneAtMs: 0, changedAtMs: 7 };
      assert.ok([one, two].some((record) => record.picture === 'p' && record.about === ''), 'the later one sees both');
      await everywhere(backend, async () => assert.deepEqual(await profiles().get('__proto__'), expected));
    });

    test("a number is one user's: whoever proved it last", async () => {
      assert.equal(await profiles().setPhone('a', '+4911', 100, 1), true);
      assert.equal(await profiles().setPhone('b', '+4911', 99, 2), false);
      assert.equal(await profiles().ofPhone('+4911'), 'a');
      assert.equal(await profiles().setPhone('b', '+4911', 100, 3), true);
      await everywhere(backend, async () => {
        assert.equal(await profiles().ofPhone('+4911'), 'b');
        assert.deepEqual([(await profiles().get('a'))?.phone, (await profiles().get('a'))?.phoneAtMs, (await profiles().get('b'))?.phone], ['', 0, '+4911']);
      });
      assert.equal(await profiles().setPhone('b', '+4911', 200, 9), true);
      assert.deepEqual([(await profiles().get('b'))?.phoneAtMs, (await profiles().get('b'))?.changedAtMs], [200, 3], 'nothing that others see has changed');
      await profiles().setPhone('b', '+4912', 300, 10);
      await everywhere(backend, async () => assert.deepEqual([await profiles().ofPhone('+4911'), await profiles().ofPhone('+4912'), await profiles().ofPhone('')], [undefined, 'b', undefined]));
    });

    test('removing a profile removes the number', async () => {
      await profiles().setPhone('gone', '+4913', 1, 1);
      assert.deepEqual([await profiles().remove('gone'), await profiles().remove('gone')], [true, false]);
      await everywhere(backend, async () => assert.deepEqual([await profiles().get('gone'), await profiles().ofPhone('+4913')], [undefined, undefined]));
    });
  });
}
