import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, memoryStore, type Client } from 'godwit-client';
import { ContentSchema, create, createUlid, SealedSchema, toBinary } from 'godwit-schemas';
import { gate, lasting, Recorder, scene, slow, turnsUntil } from './fixtures.js';

const conversation = 'd:alice:bob';
const ticks = async (client: Client): Promise<unknown[]> => (await client.messages('bob')).map((message) => message.type === 'message' && message.tick);

describe('ticks', { timeout: 20_000 }, () => {
  test('a floor ticks every own message up to it; it never goes back', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const states = new Recorder(alice, 'state');
    const receipts = new Recorder(alice, 'receipt');
    await alice.connect();
    const sent = ['one', 'two', 'three'].map((text) => alice.send('bob', text));
    await Promise.all(sent.map((one) => one.until('sent')));
    states.events.length = 0;
    broker.receipt('alice', { conversation, delivered: 2n, atMs: 5n });
    await sent[1].until('delivered');
    assert.deepEqual(sent.map(({ state }) => state), ['delivered', 'delivered', 'sent']);
    broker.receipt('alice', { conversation, delivered: 3n, read: 1n, atMs: 6n });
    broker.receipt('alice', { conversation, delivered: 1n, atMs: 7n });
    await sent[2].until('delivered');
    await sent[0].until('read');
    assert.deepEqual(sent.map(({ state }) => state), ['read', 'delivered', 'delivered']);
    assert.deepEqual(await ticks(alice), ['read', 'delivered', 'delivered']);
    await broker.until(() => broker.pubacks().length === 3);
    assert.deepEqual(states.events.map(({ seq, state }) => [seq, state]), [[1, 'delivered'], [2, 'delivered'], [1, 'read'], [3, 'delivered']]);
    assert.deepEqual(receipts.events, [
      { type: 'receipt', conversation, delivered: 2, read: 0, ownRead: 0, atMs: 5 },
      { type: 'receipt', conversation, delivered: 3, read: 1, ownRead: 0, atMs: 6 },
    ]);
    const [{ last, ...info }] = await alice.conversations();
    assert.deepEqual(info, { conversation, seq: 0, delivered: 3, read: 1, ownRead: 0, unread: 0, clearedTo: 0, mutedUntilMs: 0, archived: false, pinned: false });
    assert.deepEqual([last?.text, last?.tick], ['three', 'delivered']);
  }));

  test('what was missed while away is ticked on return, also after a restart', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const first = await at.client(broker, 'alice', { store: lasting(store) });
    await first.connect();
    const sent = first.send('bob', 'one');
    await sent.until('sent');
    await first.close();
    broker.receipt('alice', { conversation, delivered: 1n, read: 1n, atMs: 5n });
    const second = await at.client(broker, 'alice', { store });
    assert.deepEqual(await ticks(second), ['sent']);
    const states = new Recorder(second, 'state');
    await second.connect();
    await states.until(1);
    assert.deepEqual(states.events, [{ type: 'state', conversation, id: sent.id, state: 'read', seq: 1 }]);
    assert.deepEqual(await ticks(second), ['read']);
  }));

  test('a floor that is told before the result ticks the message when that comes', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    broker.onMessage = () => {
      broker.receipt('alice', { conversation, delivered: 1n, atMs: 5n });
      return undefined;
    };
    const sent = await alice.send('bob', 'one').until('delivered');
    assert.equal(sent.seq, 1);
    broker.receipt('alice', { conversation, delivered: 1n, read: 1n, atMs: 6n });
    await sent.until('read');
  }));

  test('a result and its floor that are stored together tick the message', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const alice = await at.client(broker, 'alice', { store });
    await alice.connect();
    const writing = gate();
    let writes = 0;
    slow(store, () => (writes++, writing.promise));
    broker.say('bob', 'alice', { id: createUlid()(), body: new Uint8Array(0), flags: 2 });
    await turnsUntil(() => writes === 1);
    const sent = alice.send('bob', 'one');
    await broker.until(() => broker.messages().length === 1);
    broker.receipt('alice', { conversation, delivered: 2n, atMs: 5n });
    await alice.call('read.set', {});
    const states = new Recorder(alice, 'state');
    writing.open();
    await sent.until('delivered');
    assert.equal(writes, 2, 'both in one transaction');
    assert.deepEqual(states.events.map(({ state }) => state), ['sent', 'delivered']);
  }));

  test('a message that had disappeared when the floor came is not ticked; one that had not, stays ticked', scene(async (at) => {
    const broker = await at.broker();
    const now = Date.now();
    broker.log.now = () => now;
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    const [gone, seen, stays] = [alice.send('bob', 'gone', { expiresInS: 60 }), alice.send('bob', 'seen', { expiresInS: 600 }), alice.send('bob', 'stays')];
    await stays.until('sent');
    broker.receipt('alice', { conversation, delivered: 3n, atMs: BigInt(now + 61_000) });
    await stays.until('delivered');
    assert.deepEqual([gone.state, seen.state, stays.state], ['sent', 'delivered', 'delivered']);
    broker.receipt('alice', { conversation, delivered: 3n, read: 3n, atMs: BigInt(now + 601_000) });
    await stays.until('read');
    assert.deepEqual([gone.state, seen.state, stays.state], ['sent', 'delivered', 'read']);
    assert.deepEqual(await ticks(alice), ['sent', 'delivered', 'read']);
  }));

  test("messages of the user's other device are own messages, with ticks", scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    const payload = toBinary(ContentSchema, create(ContentSchema, { kind: { case: 'text', value: { text: 'from the laptop' } } }));
    broker.say('alice', 'bob', { id: createUlid()(), body: toBinary(SealedSchema, create(SealedSchema, { payload })) });
    const [message] = await heard.until(1);
    assert.deepEqual([message.own, message.tick], [true, 'sent']);
    const states = new Recorder(alice, 'state');
    broker.receipt('alice', { conversation, delivered: 1n, atMs: 5n });
    const [state] = await states.until(1);
    assert.deepEqual([state.id, state.state], [message.id, 'delivered']);
  }));

  test('a note to self has no receipts: sent is final', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    const note = alice.send('alice', 'milk');
    assert.equal(note.conversation, 'd:alice:alice');
    await note.until('sent');
    await assert.rejects(note.until('delivered'), { code: Code.NOT_ALLOWED });
  }));
});

describe('read marks', { timeout: 20_000 }, () => {
  const reads = (broker: { publishes(topic: string): { payload: unknown }[] }): number[] =>
    broker.publishes(`read/${conversation}`).map(({ payload }) => (payload as Buffer)[1]);

  test('a mark is told once, never back; made offline, it goes out later, the newest alone', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const first = await at.client(broker, 'alice', { store: lasting(store) });
    await first.connect();
    await first.markRead('bob', 3);
    await first.markRead('bob', 3);
    await first.markRead('bob', 2);
    await first.call('read.set', {});
    assert.deepEqual(reads(broker), [3]);
    await first.close();
    const second = await at.client(broker, 'alice', { store: lasting(store) });
    await second.markRead('bob', 5);
    await second.markRead(conversation, 7);
    await second.close();
    const third = await at.client(broker, 'alice', { store });
    await third.connect();
    await third.call('read.set', {});
    assert.deepEqual(reads(broker), [3, 7]);
    broker.cut('alice');
    await broker.until(() => broker.connects.length === 3);
    await third.call('read.set', {});
    assert.deepEqual(reads(broker), [3, 7], 'what is told is not told again');
    await assert.rejects(third.markRead('bob', 1.5), { code: Code.MALFORMED });
  }));

  test('a mark whose PUBACK is lost is told again; one that is refused for now, later; for good, not', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const errors = new Recorder(alice, 'error');
    await alice.connect();
    broker.answers = () => false;
    await alice.markRead('bob', 1);
    await broker.until(() => reads(broker).length === 1);
    broker.answers = () => true;
    let refusals = 1;
    broker.onControl = () => (refusals-- > 0 ? { code: Code.RATE_LIMITED, retryAfterMs: 5 } : undefined);
    broker.cut('alice');
    await broker.until(() => reads(broker).length === 3);
    assert.deepEqual(reads(broker), [1, 1, 1]);
    broker.onControl = () => ({ code: Code.NOT_ALLOWED, text: 'no' });
    await alice.markRead('bob', 2);
    await errors.until(1);
    assert.equal((errors.events[0].error as { code?: Code }).code, Code.NOT_ALLOWED);
    broker.onControl = () => undefined;
    await alice.markRead('bob', 3);
    await alice.call('read.set', {});
    assert.deepEqual(reads(broker), [1, 1, 1, 2, 3]);
  }));

  test('what the user reads on another device is known here', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const receipts = new Recorder(alice, 'receipt');
    await alice.connect();
    broker.receipt('alice', { conversation, ownRead: 4n, atMs: 5n });
    await receipts.until(1);
    assert.equal(receipts.events[0].ownRead, 4);
    assert.equal((await alice.conversations())[0].ownRead, 4);
  }));
});
