import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { DeviceRecord, Directory } from '../../broker/ports/directory.js';
import type { Backend, Make } from './backend.js';

/** What every Directory does. Each test has users of its own. */
export function suite(name: string, make: Make): void {
  describe(`Directory: ${name}`, () => {
    let backend: Backend;
    let directory: Directory;
    before(async () => {
      backend = await make();
      directory = backend.storage.directory;
    });
    after(() => backend.remove());

    const reopen = async (): Promise<boolean> => {
      await backend.reopen?.();
      directory = backend.storage.directory;
      return backend.reopen !== undefined;
    };

    test('a user is new once, whoever asks at the same time', async () => {
      assert.equal(await directory.user('once'), undefined);
      const [first, second] = await Promise.all([directory.addUser('once', 100), directory.addUser('once', 200)]);
      assert.notEqual(first, second);
      assert.equal(await directory.addUser('once', 300), false);
      const expected = { user: 'once', createdAtMs: first ? 100 : 200 };
      assert.deepEqual(await directory.user('once'), expected);
      if (await reopen()) assert.deepEqual(await directory.user('once'), expected);
    });

    test('users with names of Object.prototype are users like others', async () => {
      for (const user of ['constructor', '__proto__', 'toString']) {
        assert.equal(await directory.user(user), undefined);
        assert.equal(await directory.addUser(user, 1), true);
        await directory.putDevice(device(user, 'hasOwnProperty'));
        assert.deepEqual((await directory.devicesOf(user)).map((record) => record.device), ['hasOwnProperty']);
      }
    });

    test('pages through users in byte order', async () => {
      for (const user of ['page-b', 'page-Z', 'page-a', 'page_a', 'page-a1']) await directory.addUser(user, 1);
      const check = async () => {
        const found: string[] = [];
        for (let after = 'page'; ; ) {
          const page = await directory.users(after, 2);
          const mine = page.map((record) => record.user).filter((user) => user.startsWith('page'));
          found.push(...mine);
          if (mine.length < 2) break;
          after = mine.at(-1)!;
        }
        assert.deepEqual(found, ['page-Z', 'page-a', 'page-a1', 'page-b', 'page_a']);
      };
      await check();
      await backend.settle();
      await check();
      await directory.removeUser('page-a1');
      await directory.addUser('page-a2', 1);
      assert.deepEqual((await directory.users('page-a', 2)).map((record) => record.user), ['page-a2', 'page-b']);
    });

    test('removing a user removes their devices', async () => {
      await directory.addUser('remove', 1);
      await directory.putDevice(device('remove', 'phone'));
      await backend.settle();
      await directory.putDevice(device('remove', 'tablet'));
      assert.equal(await directory.removeUser('remove'), true);
      assert.equal(await directory.removeUser('remove'), false);
      const check = async () => {
        assert.equal(await directory.user('remove'), undefined);
        assert.deepEqual(await directory.devicesOf('remove'), []);
      };
      await check();
      if (await reopen()) await check();
      assert.equal(await directory.addUser('remove', 2), true);
      assert.deepEqual(await directory.devicesOf('remove'), []);
    });

    test('keeps a device as it was put', async () => {
      const phone = device('keep', 'phone', { filters: new Map([['u/keep/#', 1], ['presence/__proto__', 0]]), packetIds: 7 });
      const changing = new Map(phone.filters);
      await directory.putDevice({ ...phone, filters: changing });
      changing.clear();
      await directory.putDevice(device('keep', 'tablet'));
      const check = async () => {
        assert.deepEqual(await directory.device('keep', 'phone'), phone);
        assert.deepEqual((await directory.devicesOf('keep')).map((record) => record.device).sort(), ['phone', 'tablet']);
        assert.equal(await directory.device('keep', 'phon'), undefined);
        assert.deepEqual(await directory.devicesOf('kee'), []);
      };
      await check();
      if (await reopen()) await check();
    });

    test('changes filters in one step, also many at once', async () => {
      await directory.putDevice(device('filter', 'phone', { filters: new Map([['a', 0], ['b', 1]]) }));
      await directory.changeFilters('filter', 'phone', new Map([['c', 1], ['a', 1]]), ['b']);
      await Promise.all([directory.changeFilters('filter', 'phone', new Map([['d', 0]]), []), directory.changeFilters('filter', 'phone', new Map([['e', 0]]), ['c'])]);
      const expected = new Map([['a', 1], ['d', 0], ['e', 0]]);
      assert.deepEqual((await directory.device('filter', 'phone'))?.filters, expected);
      if (await reopen()) assert.deepEqual((await directory.device('filter', 'phone'))?.filters, expected);
      await directory.changeFilters('filter', 'nothing', new Map([['a', 0]]), []);
      assert.equal(await directory.device('filter', 'nothing'), undefined);
    });

    test('filters that begin with $ are filters like others', async () => {
      await directory.putDevice(device('dollar', 'phone', { filters: new Map([['$user', 0], ['$$ROOT', 1], ['kept', 1]]) }));
      await directory.changeFilters('dollar', 'phone', new Map([['$device', 1]]), ['$user', '$$ROOT']);
      assert.deepEqual((await directory.device('dollar', 'phone'))?.filters, new Map([['kept', 1], ['$device', 1]]));
    });

    test('reserves packet ids, never fewer', async () => {
      await directory.putDevice(device('ids', 'phone'));
      await directory.reservePacketIds('ids', 'phone', 1000);
      await directory.reservePacketIds('ids', 'phone', 500);
      assert.equal((await directory.device('ids', 'phone'))?.packetIds, 1000);
      if (await reopen()) assert.equal((await directory.device('ids', 'phone'))?.packetIds, 1000);
    });

    test('keeps when a device was last seen, never earlier, and makes none', async () => {
      await directory.putDevice(device('seen', 'phone', { packetIds: 7 }));
      await directory.seenDevice('seen', 'phone', 5_000);
      await directory.seenDevice('seen', 'phone', 4_000);
      await directory.seenDevice('seen', 'nothing', 5_000);
      const expected = device('seen', 'phone', { packetIds: 7, lastSeenMs: 5_000 });
      assert.deepEqual(await directory.devicesOf('seen'), [expected]);
      if (await reopen()) assert.deepEqual(await directory.devicesOf('seen'), [expected]);
    });

    test('keeps until when a device is revoked, never an earlier time, with no device needed for it', async () => {
      assert.equal(await directory.revokedAt('revoked', 'phone'), 0);
      await directory.putDevice(device('revoked', 'phone'));
      await directory.revokeDevice('revoked', 'phone', 5_000);
      await directory.revokeDevice('revoked', 'phone', 4_000);
      await directory.revokeDevice('revoked', '__proto__', 9_000);
      await directory.removeDevice('revoked', 'phone');
      const check = async () => {
        assert.deepEqual([await directory.revokedAt('revoked', 'phone'), await directory.revokedAt('revoked', '__proto__'), await directory.revokedAt('revoke', 'phone')], [5_000, 9_000, 0]);
        assert.deepEqual([(await directory.revocationsOf('revoked')).size, (await directory.revocationsOf('nobody')).size], [2, 0]);
      };
      await check();
      await backend.settle();
      await check();
      if (await reopen()) await check();
      await directory.forgetRevocations('revoked', 5_001);
      assert.deepEqual([await directory.revokedAt('revoked', 'phone'), await directory.revokedAt('revoked', '__proto__'), [...(await directory.revocationsOf('revoked'))]], [0, 9_000, [['__proto__', 9_000]]]);
      await directory.addUser('revoked', 1);
      await directory.removeUser('revoked');
      if (await reopen()) assert.equal((await directory.revocationsOf('revoked')).size, 0);
      assert.equal(await directory.revokedAt('revoked', '__proto__'), 0, 'who comes by that name later is another');
    });

    test('keeps who is being removed, until that is done', async () => {
      for (const user of ['going-1', 'going-2', 'going-2']) await directory.markRemoval(user, true);
      const mine = async (): Promise<string[]> => (await directory.removals()).filter((user) => user.startsWith('going')).sort();
      assert.deepEqual(await mine(), ['going-1', 'going-2']);
      if (await reopen()) assert.deepEqual(await mine(), ['going-1', 'going-2']);
      await directory.markRemoval('going-1', false);
      if (await reopen()) assert.deepEqual(await mine(), ['going-2']);
      await directory.markRemoval('going-2', false);
      assert.deepEqual(await mine(), []);
    });

    test('removes a device', async () => {
      await directory.putDevice(device('drop', 'phone'));
      assert.equal(await directory.removeDevice('drop', 'phone'), true);
      assert.equal(await directory.removeDevice('drop', 'phone'), false);
      assert.equal(await directory.device('drop', 'phone'), undefined);
      if (await reopen()) assert.equal(await directory.device('drop', 'phone'), undefined);
    });
  });
}

function device(user: string, name: string, more: Partial<DeviceRecord> = {}): DeviceRecord {
  return { user, device: name, firstSeenMs: 1, lastSeenMs: 2, filters: new Map(), packetIds: 0, ...more };
}
