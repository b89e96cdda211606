import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memoryStore } from 'godwit-client';
import { hour, kept, minute, off, say, shown, world } from './clock-world.js';
import { fakeToken, lasting, Recorder, turnsUntil } from './fixtures.js';

const day = 24 * hour;

describe('a clock that jumps by a day', { timeout: 90_000 }, () => {
  for (const jump of [day, -day]) {
    const way = jump > 0 ? 'forward' : 'back';

    test(`${way}, while there is no connection: nothing disappears too early, and all in time`, (t) => world(t, 0, async (here) => {
      const store = memoryStore();
      const alice = await here.client({ store });
      const heard = new Recorder(alice, 'message');
      await alice.connect();
      await alice.send('bob', 'stays').until('sent');
      say(here, 'in ten minutes', 600);
      await heard.until(1);
      here.broker.onConnect = () => 3;
      here.broker.cut('alice');
      here.wrongBy = jump;
      // An app that reads has the clock looked at.
      await shown(alice);
      await here.time.pass(5 * minute);
      assert.equal(await kept(store), 2, 'there is nobody to ask: nothing is deleted by a clock that may be wrong');
      here.broker.onConnect = () => 0;
      const connected = alice.connect();
      await here.time.pass(1_000);
      await connected;
      await here.time.pass(1_000);
      if (jump > 0) await turnsUntil(() => off(here, alice) <= 1);
      assert.deepEqual(await shown(alice), ['stays', 'in ten minutes']);
      here.wrongBy = 0;
      await here.time.pass(4 * minute);
      assert.equal(await kept(store), 2, 'not early');
      await here.time.pass(2 * minute);
      assert.equal(await kept(store), 1, 'not late');
    }));

    test(`${way} and then right again, connected: the token is renewed when it is to be, and once`, (t) => world(t, 0, async (here) => {
      let asked = 0;
      const token = (): string => {
        const iat = Math.floor(here.serverMs() / 1_000);
        return fakeToken({ sub: 'alice', jti: ++asked, iat, exp: iat + 600 });
      };
      const alice = await here.client({ token });
      await alice.connect();
      here.wrongBy = jump;
      await here.time.pass(3 * minute);
      here.wrongBy = 0;
      await here.time.pass(5.5 * minute);
      assert.equal(asked, 1);
      await here.time.pass(minute);
      assert.equal(asked, 2);
      assert.equal(here.broker.connects.length, 1);
    }));

    test(`${way} and then right again, connected and offline: what is sent keeps its order, its names and the server's time`, (t) => world(t, 0, async (here) => {
      const store = memoryStore();
      const first = await here.client({ store: lasting(store) });
      await first.connect();
      const ids = [first.send('bob', '0').id];
      here.wrongBy = jump;
      ids.push(first.send('bob', '1').id);
      await turnsUntil(() => first.outbox().length === 0);
      here.broker.onConnect = () => 3;
      here.broker.cut('alice');
      ids.push(first.send('bob', '2').id);
      here.wrongBy = 0;
      ids.push(first.send('bob', '3').id);
      await Promise.all(first.outbox().map((sent) => sent.until('queued')));
      await first.close();
      here.wrongBy = -jump;
      here.broker.onConnect = () => 0;
      const second = await here.client({ store });
      ids.push(second.send('bob', '4').id);
      await second.connect();
      await Promise.all(second.outbox().map((sent) => sent.until('sent')));
      assert.deepEqual(await shown(second), ['0', '1', '2', '3', '4']);
      assert.equal(new Set(ids).size, 5);
      const page = await second.messages('bob');
      for (const one of page) assert.ok(one.type === 'message' && Math.abs(one.sentAtMs - here.serverMs()) < minute, 'stamped by the server');
    }));
  }
});
