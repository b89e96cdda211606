import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, keyValueStore, memoryStore, type Change, type Store } from 'godwit-client';
import { FakeStorage, type Fault, type Flavour } from './fake-storage.js';
import { gate } from './fixtures.js';
import { storageSuite } from './storage-suite.js';

const flavours: Flavour[] = ['multi', 'many', 'single'];
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const everything = { from: '', before: '\x7f' };
const put = (key: string, ...values: number[]): Change => ({ key, value: bytes(...values) });
const remove = (key: string): Change => ({ key, value: undefined });

for (const flavour of flavours) {
  storageSuite(`key-value (${flavour})`, async () => {
    const disk = new Map<string, string>();
    const open = () => keyValueStore(new FakeStorage(disk).as(flavour));
    return { open, reopen: open, remove: async () => {} };
  });
}

type State = [string, string][];

async function stateOf(store: Store): Promise<State> {
  return (await store.range(everything)).map(([key, value]) => [key, value.length > 100 ? `${value.length} bytes` : [...value].join()]);
}

const journalOf = (disk: Map<string, string>): string[] => [...disk.keys()].filter((key) => !key.startsWith('godwit/k/'));

/** The state before the first of those writes, after it, after the second, and so on. */
async function statesOf(writes: Change[][]): Promise<State[]> {
  const model = memoryStore();
  const states = [await stateOf(model)];
  for (const changes of writes) {
    await model.write(changes);
    states.push(await stateOf(model));
  }
  return states;
}

const small = [
  [put('a', 1), put('b', 1), put('c', 1)],
  [put('a', 2), remove('b'), put('d', 2), put('e', 2)],
  [remove('a'), put('b', 3), remove('e'), put('e', 4), remove('nothing')],
];
// More than fits into one item of the journal.
const large = [[put('a', 1), put('b', 1)], [{ key: 'a', value: new Uint8Array(400_000).fill(7) }, remove('b'), put('c', 2)], [put('a', 3), put('b', 3)]];

/** Runs the writes until the process dies; how many have resolved. */
async function untilDeath(storage: FakeStorage, flavour: Flavour, writes: Change[][]): Promise<number> {
  let resolved = 0;
  try {
    const store = await keyValueStore(storage.as(flavour));
    for (const changes of writes) {
      await store.write(changes);
      resolved++;
    }
    await store.close();
  } catch (error) {
    assert.match(String(error), /the storage failed|the process is dead/);
  }
  return resolved;
}

const dies = (at: number, effect: boolean): Fault => ({ at: (step) => step === at, effect, dies: true });

describe('key-value: a process that dies at any step', { timeout: 60_000 }, () => {
  for (const [name, writes] of [['small writes', small], ['a write of several items', large]] as const) {
    for (const flavour of flavours) {
      test(`${name} (${flavour}) are there whole or not at all, also when it dies again while it recovers`, async (t) => {
        const states = await statesOf(writes);
        let [deaths, recoveries] = [0, 0];
        const check = async (disk: Map<string, string>, resolved: number, when: string): Promise<void> => {
          const store = await keyValueStore(new FakeStorage(disk).as(flavour));
          const state = await stateOf(store);
          const which = states.findIndex((one) => JSON.stringify(one) === JSON.stringify(state));
          assert.ok(which === resolved || which === resolved + 1, `${when}: ${resolved} writes had resolved, and there is ${JSON.stringify(state)}`);
          assert.deepEqual(journalOf(disk), [], `${when}: nothing is left of the journal`);
          await store.write([put('z', 1)]);
          assert.deepEqual(await stateOf(store), [...state, ['z', '1']], `${when}: it works`);
          await store.close();
        };
        for (let at = 1, over = false; !over; at++) {
          for (const effect of [false, true]) {
            const disk = new Map<string, string>();
            const storage = new FakeStorage(disk, dies(at, effect));
            const resolved = await untilDeath(storage, flavour, writes);
            if (storage.steps < at) over = true;
            else deaths++;
            for (let again = 1; journalOf(disk).length > 0; again++) {
              const copy = new Map(disk);
              const second = new FakeStorage(copy, dies(again, effect));
              await untilDeath(second, flavour, []);
              if (second.steps < again) break;
              recoveries++;
              await check(copy, resolved, `death at step ${at}, then at step ${again} of the recovery`);
            }
            await check(disk, resolved, `death at step ${at}, ${effect ? 'after' : 'before'} its effect`);
          }
        }
        assert.ok(deaths > 30 && recoveries > 30, `${deaths} deaths, ${recoveries} recoveries`);
        t.diagnostic(`${deaths} deaths, and ${recoveries} more while recovering`);
      });
    }
  }
});

describe('key-value: a storage that fails and goes on', { timeout: 60_000 }, () => {
  for (const flavour of flavours) {
    for (const [name, length] of [['once', 1], ['twice in a row', 2]] as const) {
      test(`${name}, at any step (${flavour}): what rejects is not there, what resolves is`, async () => {
        for (const effect of [false, true]) {
          for (let at = 1, rejected = 0; ; at++) {
            const disk = new Map<string, string>();
            const storage = new FakeStorage(disk, { at: (step) => step >= at && step < at + length, effect, dies: false });
            const retried = async <T>(run: () => Promise<T>): Promise<T> => run().catch(() => run()).catch(() => run());
            const when = `failure at step ${at}, ${effect ? 'with' : 'without'} its effect`;
            const model = memoryStore();
            const store = await retried(() => keyValueStore(storage.as(flavour)));
            for (const changes of flavour === 'multi' ? [...small, ...large] : small) {
              const kept = await store.write(changes).then(() => true, () => false);
              if (kept) await model.write(changes);
              else rejected++;
              if (!kept && length === 1) {
                const killed = await keyValueStore(new FakeStorage(new Map(disk)).as(flavour));
                assert.deepEqual(await stateOf(killed), await stateOf(model), `${when}, killed right after it`);
              }
              assert.deepEqual(await retried(() => stateOf(store)), await stateOf(model), when);
            }
            // It may reject for what it leaves to the next start; it is closed all the same.
            const closed = await store.close().then(() => true, () => false);
            if (closed) assert.deepEqual(journalOf(disk), [], `${when}: nothing is left of the journal`);
            const again = await keyValueStore(new FakeStorage(disk).as(flavour));
            assert.deepEqual(await stateOf(again), await stateOf(model), `${when}, opened again`);
            await again.close();
            if (storage.steps < at) {
              assert.ok(rejected >= 3, `${rejected} were rejected`);
              break;
            }
          }
        }
      });
    }
  }
});

test('key-value: a read sees all of a write or nothing of it, however slow it is', async () => {
  const storage = new FakeStorage(new Map());
  const store = await keyValueStore(storage.as('multi'));
  await store.write([put('a', 1), put('b', 1), put('c', 1)]);
  // Resolves when nothing is left to be done: what is read now is read from the storage.
  await store.write([]);
  const { promise, open } = gate();
  storage.readsWait = promise;
  const [before, one] = [stateOf(store), store.get('c')];
  await store.write([put('a', 2), remove('b'), put('d', 2)]);
  const after = stateOf(store);
  // Time enough to put what the slow reads are not to see.
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  const next = store.write([put('a', 3), remove('c')]);
  open();
  storage.readsWait = undefined;
  assert.deepEqual(await before, [['a', '1'], ['b', '1'], ['c', '1']]);
  assert.deepEqual([...(await one)!], [1]);
  assert.deepEqual(await after, [['a', '2'], ['c', '1'], ['d', '2']]);
  await next;
  assert.deepEqual(await stateOf(store), [['a', '3'], ['d', '2']]);
});

test('key-value: does at random what a store in memory does', async () => {
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 0x7fff_ffff) % below;
  const key = (): string => `${'abc'[random(3)]}/${random(100)}`;
  const disk = new Map<string, string>();
  const model = memoryStore();
  let store = await keyValueStore(new FakeStorage(disk).as('many'));
  for (let round = 0; round < 150; round++) {
    const size = random(5) === 0 ? 200 : 1 + random(4);
    const changes = Array.from({ length: size }, () => (random(3) === 0 ? remove(key()) : put(key(), random(256))));
    await Promise.all([store.write(changes), model.write(changes)]);
    const [from, before] = [key(), key()];
    for (const reverse of [false, true]) {
      for (const limit of [0, 1, 7, undefined]) {
        const range = { from, before, reverse, limit };
        assert.deepEqual(await store.range(range), await model.range(range), `seed 1, round ${round}`);
      }
    }
    if (random(10) > 0) continue;
    await store.close();
    store = await keyValueStore(new FakeStorage(disk).as('many'));
  }
});

describe('key-value: what is wrong is said', () => {
  test('a full storage, one that fails, one that lost or damaged an item', async () => {
    const disk = new Map<string, string>();
    let error: Error | undefined;
    const storage = new FakeStorage(disk, { at: () => error !== undefined, effect: false, dies: false, get error() { return error; } });
    const store = await keyValueStore(storage.as('multi'));
    await store.write([put('a', 1), put('b', 1), put('c', 1)]);
    await store.write([]);
    error = new Error('database or disk is full (code 13 SQLITE_FULL)');
    await assert.rejects(store.write([put('a', 2)]), { name: 'GodwitError', code: Code.STORAGE_FULL });
    error = Object.assign(new Error('no'), { name: 'QuotaExceededError' });
    await assert.rejects(store.write([put('a', 2)]), { code: Code.STORAGE_FULL });
    error = new Error('no such device');
    await assert.rejects(store.write([put('a', 2)]), { code: Code.UNAVAILABLE, message: /no such device/ });
    await assert.rejects(store.get('a'), { code: Code.UNAVAILABLE });
    await assert.rejects(store.range(everything), { code: Code.UNAVAILABLE });
    await assert.rejects(keyValueStore(new FakeStorage(disk, { at: () => true, effect: false, dies: false }).as('multi')), { code: Code.UNAVAILABLE });
    error = undefined;
    await store.write([put('d', 1)]);
    await store.close();
    const again = await keyValueStore(storage.as('multi'));
    assert.deepEqual((await stateOf(again)).map(([key]) => key), ['a', 'b', 'c', 'd']);
    disk.delete('godwit/k/a');
    disk.set('godwit/k/b', '?');
    await assert.rejects(again.get('a'), { code: Code.UNAVAILABLE, message: /lost/ });
    await assert.rejects(again.get('b'), { code: Code.INTERNAL, message: /damaged/ });
    await again.close();
    for (const journal of ['1 [', 'nonsense']) {
      disk.set('godwit/j', journal);
      await assert.rejects(keyValueStore(storage.as('multi')), { code: Code.INTERNAL });
    }
  });

  test('a prefix that is none, one in use; two prefixes know nothing of one another', async () => {
    const storage = new FakeStorage(new Map([['unrelated', 'x']])).as('multi');
    for (const prefix of ['', 'a/b', 'a b']) await assert.rejects(keyValueStore(storage, { prefix }), { code: Code.MALFORMED });
    const [one, two] = [await keyValueStore(storage, { prefix: 'one' }), await keyValueStore(storage, { prefix: 'two' })];
    await assert.rejects(keyValueStore(storage, { prefix: 'one' }), { code: Code.CONFLICT });
    await one.write([put('a', 1)]);
    await two.write([put('a', 2), put('b', 2)]);
    assert.deepEqual([await stateOf(one), await stateOf(two)], [[['a', '1']], [['a', '2'], ['b', '2']]]);
    await Promise.all([one.close(), one.close(), two.close()]);
    const again = await keyValueStore(storage, { prefix: 'one' });
    assert.deepEqual(await stateOf(again), [['a', '1']]);
    assert.equal(await storage.getItem('unrelated'), 'x');
  });
});
