import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createClient, memoryStore, Reason, type Cipher, type Client } from 'godwit-client';
import { ContentSchema, create, createUlid, deliveryTopics, SealedSchema, toBinary } from 'godwit-schemas';
import type { FakeBroker } from './fake-broker.js';
import { fakeToken, gate, lasting, Recorder, scene, slow, texts, turnsUntil } from './fixtures.js';

const newId = createUlid();

/** A Message from an SDK, with this text. */
function text(text: string, more: object = {}): { id: Uint8Array; body: Uint8Array } {
  const payload = toBinary(ContentSchema, create(ContentSchema, { kind: { case: 'text', value: { text } } }));
  return { id: newId(), body: toBinary(SealedSchema, create(SealedSchema, { payload })), ...more };
}

const say = (broker: FakeBroker, ...words: string[]): number[] => words.map((word) => broker.say('bob', 'alice', text(word)));
const stored = async (client: Client): Promise<(string | undefined)[]> => texts(await client.messages('bob'));

describe('receiving', { timeout: 20_000 }, () => {
  test('messages come in order, are stored, and are acknowledged', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    say(broker, 'one', 'two', 'three');
    const [first] = await heard.until(3);
    assert.deepEqual(texts(heard.events), ['one', 'two', 'three']);
    const { id, sentAtMs, ...rest } = first;
    assert.equal(id.length, 26);
    assert.ok(sentAtMs > 0);
    assert.deepEqual(rest, {
      type: 'message', conversation: 'd:alice:bob', seq: 1, from: 'bob', fromDevice: 'elsewhere', own: false, silent: false,
      content: { kind: 'text', text: 'one' }, text: 'one', reactions: [],
    });
    await broker.until(() => broker.pubacks().length === 3);
    assert.deepEqual(broker.pubacks(), [1, 2, 3]);
    assert.deepEqual(await stored(alice), ['one', 'two', 'three']);
    assert.deepEqual(texts(await alice.messages('bob', { before: 3, limit: 1 })), ['two']);
  }));

  test('no PUBACK before the store has it; what came meanwhile is one transaction', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const alice = await at.client(broker, 'alice', { store });
    await alice.connect();
    const writing = gate();
    const writes: number[] = [];
    slow(store, async (messages) => {
      writes.push(messages);
      await writing.promise;
    });
    say(broker, 'one');
    await turnsUntil(() => writes.length === 1);
    say(broker, ...Array.from({ length: 50 }, (_, i) => `${i}`));
    await alice.call('read.set', {});
    assert.deepEqual(broker.pubacks(), [], 'a round trip later nothing is acknowledged');
    writing.open();
    await broker.until(() => broker.pubacks().length === 51);
    assert.deepEqual(writes, [1, 50]);
  }));

  test('a store that fails: nothing is acknowledged, it comes again, and is shown once', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const alice = await at.client(broker, 'alice', { store });
    const heard = new Recorder(alice, 'message');
    const errors = new Recorder(alice, 'error');
    await alice.connect();
    let failures = 2;
    slow(store, async () => {
      if (failures-- > 0) throw new Error('disk full');
    });
    say(broker, 'one', 'two');
    await heard.until(2);
    await broker.until(() => broker.pubacks().length === 2);
    assert.deepEqual(texts(heard.events), ['one', 'two']);
    assert.match(errors.events[0].error.message, /disk full/);
    assert.equal(broker.connects.length, 3);
  }));

  test('a PUBACK is written on the connection that delivered, or not at all', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const alice = await at.client(broker, 'alice', { store });
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    const writing = gate();
    let held = 0;
    slow(store, () => (held++, writing.promise));
    say(broker, 'one');
    await turnsUntil(() => held === 1);
    broker.cut('alice');
    await broker.until(() => broker.connects.length === 2);
    await alice.call('read.set', {});
    writing.open();
    await broker.until(() => broker.pubacks().length === 1);
    const [puback] = broker.received.filter(({ packet }) => packet.cmd === 'puback');
    assert.equal(puback.connection, 2, 'only the delivery on the second connection was acknowledged');
    await alice.call('read.set', {});
    assert.equal(broker.pubacks().length, 1);
    assert.deepEqual(texts(heard.events), ['one']);
  }));

  test('a delivery that is repeated is acknowledged, not shown', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message', 'gap');
    await alice.connect();
    say(broker, 'one');
    broker.gap('d:alice:bob', 1, Reason.EXPIRED);
    await broker.until(() => broker.pubacks().length === 2);
    Object.assign(broker.session('alice').places.get('d:alice:bob')!, { position: 0, last: 0, started: false });
    say(broker, 'three');
    await broker.until(() => broker.pubacks().length === 5);
    assert.deepEqual(texts(heard.events), ['one', 'gap', 'three']);
  }));

  test('the same message at another place (the server lost it and was sent it again) is shown once', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message', 'gap');
    await alice.connect();
    const message = text('one');
    broker.say('bob', 'alice', message);
    await broker.until(() => broker.pubacks().length === 1);
    broker.log.entries('d:alice:bob')[0].message.id = newId();
    broker.say('bob', 'alice', message);
    say(broker, 'two');
    await heard.until(2);
    assert.deepEqual(texts(heard.events), ['one', 'two']);
    assert.deepEqual(await stored(alice), ['one', 'two']);
  }));

  test('a gap is shown in its place; own messages between are none', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message', 'gap');
    await alice.connect();
    say(broker, 'one');
    await alice.send('bob', 'own').until('sent');
    say(broker, 'three');
    broker.gap('d:alice:bob', 4, Reason.EXPIRED);
    say(broker, 'eight');
    await heard.until(4);
    assert.deepEqual(texts(heard.events), ['one', 'three', 'gap', 'eight']);
    assert.deepEqual(heard.events[2], { type: 'gap', conversation: 'd:alice:bob', from: 4, to: 7, reason: Reason.EXPIRED });
    assert.deepEqual(await stored(alice), ['one', 'own', 'three', 'gap', 'eight']);
  }));

  test('places left out without a word are shown as an unexplained gap', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message', 'gap');
    await alice.connect();
    say(broker, 'one');
    await heard.until(1);
    const place = broker.session('alice').places.get('d:alice:bob')!;
    place.position = place.last = 3;
    say(broker, 'lost', 'lost', 'four');
    await heard.until(3);
    assert.deepEqual(texts(heard.events), ['one', 'gap', 'four']);
    assert.deepEqual(heard.events[1], { type: 'gap', conversation: 'd:alice:bob', from: 2, to: 3, reason: 'unexplained' });
  }));

  test('a conversation may begin anywhere', scene(async (at) => {
    const broker = await at.broker();
    say(broker, 'before', 'before', 'now');
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message', 'gap');
    const { onSubscribe } = broker;
    broker.onSubscribe = (filter) => {
      broker.session('alice').places.set('d:alice:bob', { position: 2, last: 2, started: false });
      return onSubscribe(filter);
    };
    await alice.connect();
    await heard.until(1);
    assert.deepEqual(texts(heard.events), ['now']);
  }));

  test('what cannot be decoded is acknowledged, stored as such, and shown; the rest goes on', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message', 'undecodable', 'gap');
    await alice.connect();
    broker.session('alice').deliver(deliveryTopics.msg('alice'), Uint8Array.of(0xff, 1, 2));
    broker.session('alice').deliver(deliveryTopics.msg('alice'), new Uint8Array(0));
    broker.session('alice').deliver('u/alice/nothing', Uint8Array.of(1));
    broker.session('alice').deliver(deliveryTopics.rpc('alice'), Uint8Array.of(0xff), 0);
    broker.say('bob', 'alice', { id: newId(), body: Uint8Array.of(0xff, 0xff) });
    broker.say('bob', 'alice', text('fine'));
    await heard.until(6);
    assert.deepEqual(texts(heard.events), ['undecodable', 'undecodable', 'undecodable', 'undecodable', 'undecodable', 'fine']);
    const [first, , , , body] = heard.events;
    assert.ok(first.type === 'undecodable' && first.message === undefined);
    assert.deepEqual([...first.bytes], [0xff, 1, 2]);
    assert.ok(body.type === 'undecodable' && body.message?.seq === 1 && body.message.from === 'bob');
    assert.deepEqual([...body.bytes], [0xff, 0xff]);
    await broker.until(() => broker.pubacks().length === 5);
    assert.deepEqual(await stored(alice), ['undecodable', 'fine']);
  }));

  test('plain bytes are shown as text, and can be sent', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    broker.say('bob', 'alice', { id: newId(), body: Buffer.from('21.5 °C'), flags: 2 });
    const [message] = await heard.until(1);
    assert.equal(message.text, '21.5 °C');
    assert.equal(message.content.kind, 'bare');
    await alice.sendRaw('bob', 'on').until('sent');
    const sent = broker.log.entries('d:alice:bob')[1].message;
    assert.equal(sent.flags, 2);
    assert.equal(Buffer.from(sent.body).toString(), 'on');
    assert.deepEqual(await stored(alice), ['21.5 °C', 'on']);
  }));

  test('bytes of the app, silent and disappearing messages', scene(async (at) => {
    const broker = await at.broker();
    const [alice, bob] = [await at.client(broker, 'alice'), await at.client(broker, 'bob')];
    const heard = new Recorder(bob, 'message');
    await bob.connect();
    await alice.connect();
    alice.send('bob', Uint8Array.of(1, 2), { silent: true });
    alice.send('bob', 'soon gone', { expiresInS: 60 });
    const [custom, gone] = await heard.until(2);
    assert.deepEqual(custom.content, { kind: 'custom', customType: '', data: Uint8Array.of(1, 2) });
    assert.equal(custom.silent, true);
    assert.equal(gone.expiresAtMs, gone.sentAtMs + 60_000);
    assert.equal(gone.silent, false);
  }));

  test('an unknown alg cannot be read here, is kept, and is read once there is a cipher for it', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const alice = await at.client(broker, 'alice', { store: lasting(store) });
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    const content = toBinary(ContentSchema, create(ContentSchema, { kind: { case: 'text', value: { text: 'secret' } } }));
    const body = toBinary(SealedSchema, create(SealedSchema, { alg: 9, keyEpoch: 5n, payload: content.map((byte) => byte ^ 1) }));
    broker.say('bob', 'alice', { id: newId(), body });
    const [message] = await heard.until(1);
    assert.deepEqual(message.content, { kind: 'sealed', alg: 9, keyEpoch: 5n });
    await alice.close();
    const cipher: Cipher = {
      seal: async (payload) => ({ alg: 9, keyEpoch: 5n, payload: payload.map((byte) => byte ^ 1) }),
      open: async ({ alg, payload }) => (alg === 9 ? payload.map((byte) => byte ^ 1) : undefined),
    };
    const later = await at.client(broker, 'alice', { store, cipher });
    assert.deepEqual(await stored(later), ['secret']);
    await later.connect();
    await later.send('bob', 'mine').until('sent');
    assert.equal(broker.log.entries('d:alice:bob')[1].message.body[0], 8, 'sealed with an alg');
    assert.deepEqual(await stored(later), ['secret', 'mine']);
  }));

  test('a message that disappears is taken out of the store at its time', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    let now = 1_000_000;
    broker.log.now = () => now;
    const first = await at.client(broker, 'alice', { store: lasting(store), now: () => now });
    const heard = new Recorder(first, 'message');
    await first.connect();
    broker.say('bob', 'alice', text('gone', { expiresInS: 10 }));
    say(broker, 'stays');
    await heard.until(2);
    assert.deepEqual(await stored(first), ['gone', 'stays']);
    now += 10_000;
    assert.deepEqual(await stored(first), ['stays']);
    await first.close();
    const second = await at.client(broker, 'alice', { store, now: () => now });
    assert.deepEqual(await stored(second), ['stays']);
    assert.equal((await store.range({ from: 'm/', before: 'm0' })).length, 1, 'its body is gone');
    assert.equal((await store.range({ from: 'e/', before: 'e0' })).length, 0);
  }));

  test('a store that fails while the client closes is closed all the same', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    let closed = 0;
    const alice = await createClient({ url: broker.url, user: 'alice', token: fakeToken({}), store: { ...lasting(store), write: (changes) => store.write(changes), close: async () => void closed++ } });
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    say(broker, 'one');
    await heard.until(1);
    store.write = async () => {
      throw new Error('disk full');
    };
    await assert.rejects(alice.close(), { message: 'disk full' });
    assert.equal(closed, 1);
  }));
});
