import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Cursors, DeviceCursor } from '../../broker/ports/cursors.js';
import type { Backend, Make } from './backend.js';

/** What every Cursors does. Each test has users of its own. */
export function suite(name: string, make: Make): void {
  describe(`Cursors: ${name}`, () => {
    let backend: Backend;
    let cursors: Cursors;
    before(async () => {
      backend = await make();
      cursors = backend.storage.cursors;
    });
    after(() => backend.remove());

    const reopen = async (): Promise<boolean> => {
      await backend.reopen?.();
      cursors = backend.storage.cursors;
      return backend.reopen !== undefined;
    };

    test('a device without a cursor has none, a user without one stands at 0', async () => {
      assert.equal(await cursors.device('nobody', 'phone', 'd:a:nobody'), undefined);
      assert.deepEqual(await cursors.ofDevice('nobody', 'phone'), new Map());
      assert.deepEqual(await cursors.user('nobody', 'd:a:nobody'), { delivered: 0, deliveredAtMs: 0, read: 0, readAtMs: 0, start: 0 });
    });

    test('a device\'s move is seen at once, and never goes back', async () => {
      cursors.moveDevice('move', 'phone', 'd:a:move', at(5, { toldRead: 3, started: true }));
      cursors.moveDevice('move', 'phone', 'd:a:move', at(4, { toldDelivered: 9, toldOwnRead: 2 }));
      const expected = at(5, { toldRead: 3, toldDelivered: 9, toldOwnRead: 2, started: true });
      assert.deepEqual(await cursors.device('move', 'phone', 'd:a:move'), expected);
      await cursors.flush();
      await backend.settle();
      assert.deepEqual(await cursors.device('move', 'phone', 'd:a:move'), expected);
      cursors.moveDevice('move', 'phone', 'd:a:move', at(3));
      if (await reopen()) assert.deepEqual(await cursors.device('move', 'phone', 'd:a:move'), expected);
    });

    test('what it gives out and takes in does not change with it', async () => {
      const given = at(1);
      cursors.moveDevice('copy', 'phone', 'd:a:copy', given);
      given.position = 99;
      const before = await cursors.device('copy', 'phone', 'd:a:copy');
      const all = await cursors.ofDevice('copy', 'phone');
      const user = await cursors.user('copy', 'd:a:copy');
      cursors.moveDevice('copy', 'phone', 'd:a:copy', at(2));
      await cursors.moveDelivered('copy', 'd:a:copy', 2, 10);
      assert.deepEqual([before, all.get('d:a:copy')], [at(1), at(1)]);
      assert.equal(user.delivered, 0);
      assert.equal((await cursors.device('copy', 'phone', 'd:a:copy'))?.position, 2);
    });

    test('lists what one device holds, and nothing of another', async () => {
      cursors.moveDevice('list', 'phone', 'd:a:list', at(1));
      cursors.moveDevice('list', 'phone', 'd:__proto__:list', at(2));
      cursors.moveDevice('list', 'phone2', 'd:b:list', at(3));
      cursors.moveDevice('list2', 'phone', 'd:c:list2', at(4));
      const check = async () => {
        assert.deepEqual(sorted(await cursors.ofDevice('list', 'phone')), [['d:__proto__:list', at(2)], ['d:a:list', at(1)]]);
        assert.deepEqual(sorted(await cursors.ofDevice('list', 'phone2')), [['d:b:list', at(3)]]);
        assert.deepEqual(sorted(await cursors.ofDevice('list', 'phon')), []);
      };
      await check();
      await backend.settle();
      await check();
      cursors.moveDevice('list', 'phone', 'd:a:list', at(7));
      assert.equal((await cursors.ofDevice('list', 'phone')).get('d:a:list')?.position, 7);
      if (await reopen()) assert.equal((await cursors.ofDevice('list', 'phone')).get('d:a:list')?.position, 7);
    });

    test('starts a device in many conversations at once', async () => {
      const starts = new Map(Array.from({ length: 3000 }, (_, i) => [`d:start:u${String(i).padStart(4, '0')}`, at(i)]));
      await cursors.startDevice('start', 'phone', starts);
      assert.deepEqual(sorted(await cursors.ofDevice('start', 'phone')), [...starts]);
      if (await reopen()) assert.deepEqual(sorted(await cursors.ofDevice('start', 'phone')), [...starts]);
    });

    test('forgets a device, not its user', async () => {
      cursors.moveDevice('forget', 'phone', 'd:a:forget', at(5));
      await cursors.flush();
      cursors.moveDevice('forget', 'phone', 'd:b:forget', at(5));
      cursors.moveDevice('forget', 'tablet', 'd:a:forget', at(4));
      await cursors.moveDelivered('forget', 'd:a:forget', 5, 100);
      await cursors.forgetDevice('forget', 'phone');
      const check = async () => {
        assert.deepEqual(await cursors.ofDevice('forget', 'phone'), new Map());
        assert.equal(await cursors.device('forget', 'phone', 'd:a:forget'), undefined);
        assert.equal((await cursors.device('forget', 'tablet', 'd:a:forget'))?.position, 4);
        assert.equal((await cursors.user('forget', 'd:a:forget')).delivered, 5);
      };
      await check();
      await backend.settle();
      await check();
      if (await reopen()) await check();
      cursors.moveDevice('forget', 'phone', 'd:a:forget', at(1));
      assert.equal((await cursors.device('forget', 'phone', 'd:a:forget'))?.position, 1, 'a new device of the same name starts over');
    });

    test('delivered rises, and tells whether it did', async () => {
      assert.equal(await cursors.moveDelivered('deliver', 'd:a:deliver', 3, 100), true);
      assert.equal(await cursors.moveDelivered('deliver', 'd:a:deliver', 3, 200), false);
      assert.equal(await cursors.moveDelivered('deliver', 'd:a:deliver', 2, 300), false);
      const expected = { delivered: 3, deliveredAtMs: 100, read: 0, readAtMs: 0, start: 3 };
      assert.deepEqual(await cursors.user('deliver', 'd:a:deliver'), expected);
      await cursors.flush();
      if (await reopen()) assert.deepEqual(await cursors.user('deliver', 'd:a:deliver'), expected);
    });

    test('reading delivers, but moves no start', async () => {
      await cursors.moveDelivered('read', 'd:a:read', 2, 100);
      assert.equal(await cursors.setRead('read', 'd:a:read', 7, 200), true);
      assert.equal(await cursors.setRead('read', 'd:a:read', 6, 300), false);
      assert.deepEqual(await cursors.user('read', 'd:a:read'), { delivered: 7, deliveredAtMs: 200, read: 7, readAtMs: 200, start: 2 });
      assert.equal(await cursors.moveDelivered('read', 'd:a:read', 5, 400), false, 'delivered stands at 7 already');
      const expected = { delivered: 7, deliveredAtMs: 200, read: 7, readAtMs: 200, start: 5 };
      assert.deepEqual(await cursors.user('read', 'd:a:read'), expected);
      if (await reopen()) assert.deepEqual(await cursors.user('read', 'd:a:read'), expected);
    });

    test('the steps of both cursors are kept: since when a place is had, and read', async () => {
      const [user, conversation] = ['steps', 'd:a:steps'];
      assert.deepEqual(await cursors.reached(user, conversation, 1), { deliveredAtMs: 0, readAtMs: 0 });
      await cursors.moveDelivered(user, conversation, 2, 100);
      await cursors.moveDelivered(user, conversation, 5, 200);
      await cursors.moveDelivered(user, conversation, 5, 250);
      await cursors.setRead(user, conversation, 3, 300);
      await cursors.setRead(user, conversation, 3, 350);
      await cursors.setRead(user, conversation, 7, 400);
      await cursors.moveDelivered(user, conversation, 2 ** 32 + 9, 500);
      const check = async () => {
        const at = async (seq: number) => Object.values(await cursors.reached(user, conversation, seq));
        assert.deepEqual(await Promise.all([1, 2, 3, 5, 6, 7, 8, 2 ** 32 + 9, 2 ** 32 + 10].map(at)), [
          ...[[100, 300], [100, 300], [200, 300], [200, 400], [400, 400], [400, 400]],
          ...[[500, 0], [500, 0], [0, 0]],
        ]);
      };
      await check();
      await cursors.flush();
      await backend.settle();
      await check();
      if (await reopen()) await check();
      await cursors.setRead(user, conversation, 2 ** 32 + 9, 600);
      assert.deepEqual(await cursors.reached(user, conversation, 8), { deliveredAtMs: 500, readAtMs: 600 });
    });

    test('of many steps the newest are kept as they are; of older ones the time told is a later one', async () => {
      const [user, conversation] = ['many', 'd:a:many'];
      const most = 3_000;
      for (let seq = 1; seq <= most; seq++) {
        await cursors.moveDelivered(user, conversation, seq, seq * 10);
        if (seq % 500 === 0) await backend.settle();
      }
      const check = async () => {
        let before = 0;
        for (let seq = 1; seq <= most; seq++) {
          const { deliveredAtMs } = await cursors.reached(user, conversation, seq);
          assert.ok(deliveredAtMs >= seq * 10 && deliveredAtMs >= before, `${seq}: ${deliveredAtMs}`);
          if (seq > most - 100) assert.equal(deliveredAtMs, seq * 10);
          before = deliveredAtMs;
        }
      };
      await check();
      await cursors.flush();
      await backend.settle();
      if (await reopen()) await check();
    });

    test('a user who is forgotten stands at 0 everywhere', async () => {
      await cursors.setRead('gone', 'd:a:gone', 4, 200);
      await backend.settle();
      await cursors.moveDelivered('gone', 'd:b:gone', 9, 100);
      await cursors.setRead('gone-not', 'd:a:gone-not', 4, 200);
      await cursors.forgetUser('gone');
      const check = async () => {
        for (const conversation of ['d:a:gone', 'd:b:gone']) assert.deepEqual(await cursors.user('gone', conversation), { delivered: 0, deliveredAtMs: 0, read: 0, readAtMs: 0, start: 0 });
        assert.equal((await cursors.user('gone-not', 'd:a:gone-not')).read, 4);
      };
      await check();
      await cursors.flush();
      if (await reopen()) await check();
    });

    test('reading moves delivered no lower than it is', async () => {
      await cursors.moveDelivered('behind', 'd:a:behind', 9, 100);
      assert.equal(await cursors.setRead('behind', 'd:a:behind', 4, 200), true);
      assert.deepEqual(await cursors.user('behind', 'd:a:behind'), { delivered: 9, deliveredAtMs: 100, read: 4, readAtMs: 200, start: 9 });
    });
  });
}

function at(place: number, more: Partial<DeviceCursor> = {}): DeviceCursor {
  return { position: place, last: place, started: false, toldDelivered: 0, toldRead: 0, toldOwnRead: 0, ...more };
}

function sorted<V>(map: ReadonlyMap<string, V>): [string, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
