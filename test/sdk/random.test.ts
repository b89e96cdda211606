import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, memoryStore, type Store } from 'godwit-client';
import { createUlid, ulidToString } from 'godwit-schemas';
import { lasting, Recorder, scene, texts } from './fixtures.js';
import { seeded } from './seeded.js';

const count = 300;
const numbers = Array.from({ length: count }, (_, i) => `${i}`);

/** Cuts, lost answers, refusals that pass and store failures at random, and the app started anew in between. */
describe('everything at once', { timeout: 60_000 }, () => {
  for (const seed of [1, 2, 3, 4]) {
    test(`seed ${seed}: nothing lost, repeated or swapped`, scene(async (at) => {
      const random = seeded(seed);
      const chance = (n: number): boolean => random() < n;
      const broker = await at.broker();
      const newId = createUlid();
      // As the server does: after a refusal everything to that conversation is refused until the refused id comes again.
      let blockedBy: string | undefined;
      let connections = 0;
      broker.onConnect = () => ((blockedBy = undefined), connections++, chance(0.1) ? 3 : 0);
      broker.onMessage = ({ id }) => {
        const name = ulidToString(id);
        if (blockedBy !== undefined ? blockedBy !== name : chance(0.05)) {
          blockedBy ??= name;
          return { code: chance(0.5) ? Code.RATE_LIMITED : Code.UNAVAILABLE, retryAfterMs: 3 };
        }
        blockedBy = undefined;
        return undefined;
      };
      broker.answers = (answer, topic) => {
        if (!topic.startsWith('to/') || !chance(answer === 'result' ? 0.02 : 0.01)) return true;
        broker.cut('alice');
        return false;
      };
      const kept = memoryStore();
      let healthy = true;
      const failing = (): Store => {
        const store = lasting(kept);
        const { write } = store;
        // What the app hands over to be kept is kept; everything else may fail.
        store.write = async (changes) => {
          if (!healthy && chance(0.05) && !changes.some(({ key, value }) => key.startsWith('o/') && value)) throw new Error('disk full');
          await write(changes);
        };
        return store;
      };
      const told: string[] = [];
      let sent = 0;
      let said = 0;
      while (sent < count || said < count) {
        const alice = await at.client(broker, 'alice', { store: failing(), window: 8 });
        const heard = new Recorder(alice, 'message', 'gap');
        await alice.connect();
        healthy = false;
        for (let n = 0; n < 75; n++) {
          if (sent < count) alice.sendRaw('bob', numbers[sent++]);
          if (said < count) broker.say('bob', 'alice', { id: newId(), body: Buffer.from(numbers[said++]), flags: 2 });
          if (chance(0.1)) await new Promise((resolve) => setImmediate(resolve));
        }
        await heard.until((events) => events.length >= 20);
        healthy = true;
        await alice.close();
        for (const event of heard.events) if (event.type === 'message' && !event.again) told.push(event.text!);
      }
      const last = await at.client(broker, 'alice', { store: kept });
      const heard = new Recorder(last, 'message', 'gap');
      await last.connect();
      await Promise.all(last.outbox().map((one) => one.until('sent')));
      await broker.until(() => broker.session('alice').unacknowledged.size === 0);
      for (const event of heard.events) if (event.type === 'message' && !event.again) told.push(event.text!);
      const log = broker.log.entries('d:alice:bob');
      const bodies = (from: string): string[] => log.filter((entry) => entry.from === from).map(({ message }) => Buffer.from(message.body).toString());
      assert.deepEqual(bodies('alice'), numbers);
      assert.deepEqual(told, numbers, 'handed over once, in order, over all the runs');
      assert.deepEqual(texts(await last.messages('bob', { limit: 2 * count })), log.map(({ message }) => Buffer.from(message.body).toString()));
      assert.ok(connections > 5);
    }));
  }
});
