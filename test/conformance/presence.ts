import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { State } from 'godwit-schemas';
import type { PresenceLeases } from '../../broker/ports/presence.js';
import type { Backend, Make } from './backend.js';

/** What every PresenceLeases does. Each test has users of its own; times are small numbers. */
export function suite(name: string, make: Make): void {
  describe(`PresenceLeases: ${name}`, () => {
    let backend: Backend;
    let presence: PresenceLeases;
    before(async () => {
      backend = await make();
      presence = backend.storage.presence;
    });
    after(() => backend.remove());

    const lease = (user: string, connection: string, state: State, heardAtMs: number) => presence.put({ user, connection, state, heardAtMs, untilMs: heardAtMs + 60 });

    test('nobody has been seen before they were', async () => {
      assert.deepEqual(await presence.get('__proto__', 1000), { state: State.OFFLINE, lastSeenMs: 0 });
    });

    test('the strongest lease counts', async () => {
      await lease('strong', 'c1', State.AWAY, 100);
      assert.deepEqual(await presence.get('strong', 110), { state: State.AWAY, lastSeenMs: 100 });
      await lease('strong', 'c2', State.ONLINE, 105);
      await lease('strong', 'c3', State.OFFLINE, 107);
      assert.deepEqual(await presence.get('strong', 110), { state: State.ONLINE, lastSeenMs: 107 });
      await presence.end('strong', 'c2', 112);
      assert.deepEqual(await presence.get('strong', 113), { state: State.AWAY, lastSeenMs: 112 });
      await lease('strong', 'c1', State.ONLINE, 120);
      assert.equal((await presence.get('strong', 121)).state, State.ONLINE);
      await presence.end('strong', 'c1', 122);
      await presence.end('strong', 'c3', 107);
      assert.deepEqual(await presence.get('strong', 123), { state: State.OFFLINE, lastSeenMs: 122 });
    });

    test('a lease runs out, and says so once', async () => {
      await lease('lapse', 'c1', State.ONLINE, 1000);
      await lease('lapse', 'c2', State.ONLINE, 1030);
      await lease('lapse2', 'c3', State.ONLINE, 1000);
      const mine = async (nowMs: number) => [...(await presence.lapsed(nowMs))].filter((user) => user.startsWith('lapse')).sort();
      assert.deepEqual(await mine(1059), []);
      assert.equal((await presence.get('lapse2', 1060)).state, State.OFFLINE, 'also before anyone looked for lapsed ones');
      assert.deepEqual(await mine(1060), ['lapse', 'lapse2']);
      assert.deepEqual(await mine(1061), []);
      assert.equal((await presence.get('lapse', 1061)).state, State.ONLINE, 'by its other connection');
      assert.deepEqual(await mine(1090), ['lapse']);
      assert.deepEqual(await presence.get('lapse', 1090), { state: State.OFFLINE, lastSeenMs: 1030 });
    });

    test('a renewed lease does not run out', async () => {
      await lease('renew', 'c1', State.ONLINE, 2000);
      await lease('renew', 'c1', State.ONLINE, 2050);
      assert.ok(!(await presence.lapsed(2070)).includes('renew'));
      assert.equal((await presence.get('renew', 2070)).state, State.ONLINE);
      await presence.end('renew', 'c1', 2075);
      assert.ok(!(await presence.lapsed(9999)).includes('renew'), 'it was ended, it did not run out');
    });

    test('who is forgotten was never seen', async () => {
      await lease('gone', 'c1', State.ONLINE, 3000);
      await backend.settle();
      await presence.forget('gone');
      assert.deepEqual(await presence.get('gone', 3001), { state: State.OFFLINE, lastSeenMs: 0 });
      await backend.reopen?.();
      presence = backend.storage.presence;
      assert.deepEqual(await presence.get('gone', 3001), { state: State.OFFLINE, lastSeenMs: 0 });
    });

    test('last seen never goes back, and outlives a restart; leases do not', async () => {
      await lease('seen', 'c1', State.ONLINE, 3000);
      await presence.end('seen', 'c0', 2500);
      assert.equal((await presence.get('seen', 3001)).lastSeenMs, 3000);
      if (!backend.reopen) return;
      await backend.reopen();
      presence = backend.storage.presence;
      assert.deepEqual(await presence.get('seen', 3001), { state: State.OFFLINE, lastSeenMs: 3000 });
    });
  });
}
