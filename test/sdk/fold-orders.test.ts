import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memoryStore, type Cipher, type Client, type Sent, type Store } from 'godwit-client';
import { parseUlid, ulidToString } from 'godwit-schemas';
import type { FakeBroker } from './fake-broker.js';
import { encoded, kinds, saying, sealed, seen, type Body } from './contents.js';
import { lasting, Recorder, scene, type Scene } from './fixtures.js';
import { seeded, shuffled } from './seeded.js';

type Kind = Parameters<typeof encoded>[0]['kind'];

/** Who folds what; `own` is the user's other device. In the order of places. */
interface Step {
  by: 'own' | 'other';
  kind: (target: { from: string; id: string }, other: string) => NonNullable<Kind>;
}

const react = (by: Step['by'], emoji: string, remove = false): Step => ({ by, kind: (target) => kinds.reaction(target, emoji, remove) });
const edit = (by: Step['by'], text: string): Step => ({ by, kind: (target) => kinds.edit(target, text) });
const remove = (by: Step['by']): Step => ({ by, kind: (target) => kinds.deletion(target) });

/** Bodies that can be opened one by one, whenever the test says so: so they arrive in any order. */
class Lock {
  readonly opened = new Set<string>();
  readonly cipher: Cipher = {
    seal: async (payload) => ({ alg: 0, keyEpoch: 0n, payload }),
    open: async ({ alg, payload }, { id }) => (alg === 0 || this.opened.has(ulidToString(id)) ? payload.map((byte) => byte ^ alg) : undefined),
  };
}

const locked = (body: Body, kind: Kind): Body => ({ ...body, body: sealed({ alg: 9, payload: encoded({ kind }).map((byte) => byte ^ 9) }) });

/** One order of arrival, in a conversation of its own: place 0 is the message itself, then the steps. */
interface Run {
  other: string;
  order: number[];
  sent: Sent;
  ids: string[];
}

async function prepare(broker: FakeBroker, alice: Client, steps: readonly Step[], orders: readonly number[][]): Promise<Run[]> {
  broker.answers = (_, topic) => !topic.startsWith('to/');
  const runs = orders.map((order, n) => ({ other: `p${n}`, order, sent: alice.send(`p${n}`, 'first'), ids: [] as string[] }));
  await broker.until(() => broker.messages().length === runs.length);
  for (const { other, sent, ids } of runs) {
    for (const { by, kind } of steps) {
      const id = `${sent.id.slice(0, 20)}${String(ids.length).padStart(6, '0')}`;
      ids.push(id);
      broker.say(by === 'own' ? 'alice' : other, by === 'own' ? other : 'alice', locked({ id: parseUlid(id)!, body: new Uint8Array(0) }, kind({ from: 'alice', id: sent.id }, other)));
    }
  }
  await broker.until(() => broker.pubacks().length === runs.length * steps.length);
  return runs;
}

/** The message arrives when its result does, a fold when it can be opened. */
async function arrive(broker: FakeBroker, alice: Client, lock: Lock, { other, sent, ids }: Run, what: number): Promise<void> {
  if (what === 0) {
    broker.result('alice', { id: parseUlid(sent.id)!, seq: 1n, sentAtMs: 1_000n });
    await sent.until('sent');
  } else {
    lock.opened.add(ids[what - 1]);
    await alice.messages(other);
  }
}

async function check(at: Scene, steps: readonly Step[], orders: readonly number[][], expected: (other: string) => string): Promise<Store> {
  const broker = await at.broker();
  const lock = new Lock();
  const store = memoryStore();
  const alice = await at.client(broker, 'alice', { store: lasting(store), cipher: lock.cipher, window: orders.length });
  await alice.connect();
  const runs = await prepare(broker, alice, steps, orders);
  for (const run of runs) {
    for (const what of run.order) await arrive(broker, alice, lock, run, what);
    assert.deepEqual(seen(await alice.messages(run.other)), [expected(run.other)], `arrived as ${run.order}`);
  }
  assert.deepEqual((await alice.conversations()).map(({ unread }) => unread), orders.map(() => 0), 'folds that were unread while they could not be opened are so no more');
  await alice.close();
  const later = await at.client(broker, 'alice', { store: lasting(store) });
  for (const { other } of runs) assert.deepEqual(seen(await later.messages(other)), [expected(other)]);
  for (const left of ['f/', 's/']) assert.deepEqual(await store.range({ from: left, before: `${left}~` }), []);
  return store;
}

function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((shorter) => Array.from({ length: n }, (_, at) => [...shorter.slice(0, at), n - 1, ...shorter.slice(at)]));
}

describe('every order of arrival comes to the same', { timeout: 60_000 }, () => {
  test('two edits, a reaction that is taken back and one that stays: all 720 orders', scene(async (at) => {
    const steps = [edit('own', 'second'), react('other', '👍'), edit('own', 'third'), react('other', '👍', true), react('own', '🐦')];
    const orders = permutations(6);
    // In parts: the server of the tests looks at every conversation after every message.
    for (let from = 0; from < orders.length; from += 120) await check(at, steps, orders.slice(from, from + 120), () => 'third* 🐦alice');
  }));

  test('with a deletion: all 120 orders, and nothing of what was said is left', scene(async (at) => {
    const steps = [edit('own', 'second'), remove('own'), edit('own', 'third'), react('other', '👍')];
    const store = await check(at, steps, permutations(5), () => '(deleted)');
    const values = (await store.range({ from: '', before: '~' })).map(([, value]) => Buffer.from(value).toString('latin1'));
    for (const said of ['first', 'second', 'third']) assert.ok(values.every((value) => !value.includes(said)), said);
  }));

  test('with an edit and a deletion by someone who may not: all 120 orders', scene(async (at) => {
    const steps = [edit('other', 'forged'), edit('own', 'second'), remove('other'), react('other', '👍')];
    await check(at, steps, permutations(5), (other) => `second* 👍${other}`);
  }));

  for (const seed of [1, 2, 3]) {
    test(`seed ${seed}: 14 steps at random in 60 random orders`, scene(async (at) => {
      const random = seeded(seed);
      const emojis = ['👍', '🐦', '❤️'];
      const texts: string[] = [];
      // What is expected is worked out step by step, in the order of places.
      const reactions = new Map<string, [emoji: string, by: 'own' | 'other', step: number]>();
      const steps = Array.from({ length: 14 }, (_, step): Step => {
        const by = random() < 0.5 ? 'own' : 'other';
        if (random() < 0.3) {
          if (by === 'own') texts.push(`edit ${step}`);
          return edit(by, `edit ${step}`);
        }
        const emoji = emojis[Math.floor(random() * emojis.length)];
        const off = random() < 0.4;
        reactions.delete(emoji + by);
        if (!off) reactions.set(emoji + by, [emoji, by, step]);
        return react(by, emoji, off);
      });
      const orders = Array.from({ length: 60 }, () => shuffled(Array.from({ length: 15 }, (_, n) => n), random));
      await check(at, steps, orders, (other) => {
        const users = new Map<string, string[]>();
        for (const [emoji, by] of reactions.values()) users.set(emoji, [...(users.get(emoji) ?? []), by === 'own' ? 'alice' : other]);
        return `${texts.at(-1) ?? 'first'}${texts.length > 0 ? '*' : ''}${[...users].map(([emoji, of]) => ` ${emoji}${of.join('+')}`).join('')}`;
      });
    }));
  }
});

test('folds that could not be opened are folded in when there is a cipher for them, at the next start', { timeout: 20_000 }, scene(async (at) => {
  const broker = await at.broker();
  const store = memoryStore();
  const first = await at.client(broker, 'alice', { store: lasting(store) });
  const heard = new Recorder(first, 'message');
  await first.connect();
  const sent = await first.send('bob', 'one').until('sent');
  const target = { from: 'alice', id: sent.id };
  const mine = `${sent.id.slice(0, 25)}0`;
  const [a, b, c] = ['1', '2', '3'].map((letter) => parseUlid(`${sent.id.slice(0, 25)}${letter}`)!);
  broker.say('bob', 'alice', locked({ id: a, body: new Uint8Array(0) }, kinds.reaction(target, '👍')));
  broker.say('bob', 'alice', locked({ id: b, body: new Uint8Array(0) }, { case: 'text', value: { text: 'secret' } }));
  for (let n = 0; n < 300; n++) broker.say('carol', 'alice', locked({ id: parseUlid(`${mine.slice(0, 20)}${String(n).padStart(6, '0')}`)!, body: new Uint8Array(0) }, { case: 'text', value: { text: `${n}` } }));
  broker.say('bob', 'alice', saying(kinds.reaction({ from: 'bob', id: b }, '🐦')));
  broker.say('bob', 'alice', locked({ id: c, body: new Uint8Array(0) }, kinds.edit({ from: 'bob', id: ulidToString(b) }, 'secret!')));
  await heard.until(303);
  assert.deepEqual(seen(await first.messages('bob')), ['one', '(sealed)', '(sealed) 🐦bob', '(sealed)']);
  await first.close();

  const lock = new Lock();
  for (const entries of broker.log.conversations.values()) for (const { message } of entries) lock.opened.add(ulidToString(message.id));
  const second = await at.client(broker, 'alice', { store: lasting(store), cipher: lock.cipher });
  await second.close();
  // It was done when the client was created: whoever opens the store now needs no key.
  const third = await at.client(broker, 'alice', { store });
  assert.deepEqual(seen(await third.messages('bob')), ['one 👍bob', 'secret!* 🐦bob']);
  assert.deepEqual(seen(await third.messages('carol', { limit: 500 })), Array.from({ length: 300 }, (_, n) => `${n}`));
}));
