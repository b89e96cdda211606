import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, memoryStore, Reason, type Client, type ConversationInfo, type Store } from 'godwit-client';
import { ConversationsListRequestSchema, ConversationsListResponseSchema, ConversationStateSchema, create, fromBinary, toBinary, type MessageInitShape } from 'godwit-schemas';
import { startGodwit } from '../support/godwit.js';
import { text } from './contents.js';
import type { FakeBroker } from './fake-broker.js';
import { lasting, Recorder, scene } from './fixtures.js';
import { device, opened } from './real.js';

const conversation = 'd:alice:bob';
type State = MessageInitShape<typeof ConversationStateSchema>;

const settings = ({ mutedUntilMs, archived, pinned }: ConversationInfo): unknown[] => [mutedUntilMs, archived, pinned];
const setOf = async (client: Client): Promise<unknown> => {
  const info = (await client.conversations()).find((one) => one.conversation === conversation);
  return info && settings(info);
};

/** Resolves when a device tells that the conversation is so. */
const until = (changes: Recorder<'conversation'>, ...wanted: unknown[]): Promise<unknown> =>
  changes.until((events) => events.some((info) => info.conversation === conversation && `${settings(info)}` === `${wanted}`));

/** What the feed of alice tells. */
const feed = (broker: FakeBroker, state: State): void => broker.event('u:alice', { kind: { case: 'feed', value: { conversation: { conversation, ...state } } } });

describe('what is set of a conversation, on the real server', { timeout: 60_000 }, () => {
  test('shows at once, and on the other device; what is left out stays', async (t) => {
    const server = await startGodwit(t);
    const [bob, phone, laptop] = [await device(t, server, 'bob'), await device(t, server, 'alice'), await device(t, server, 'alice')];
    const [here, there] = [new Recorder(phone, 'conversation'), new Recorder(laptop, 'conversation')];
    await bob.send('alice', 'hello').until('delivered');
    assert.deepEqual(await setOf(phone), [0, false, false]);
    await phone.setConversation('bob', { pinned: true });
    assert.deepEqual(await setOf(phone), [0, false, true]);
    await until(there, 0, false, true);
    await laptop.setConversation('bob', { mutedUntilMs: Infinity });
    await laptop.setConversation(conversation, { archived: true, mutedUntilMs: 5e15 });
    await until(here, 5e15, true, true);
    await phone.setConversation('bob', { mutedUntilMs: 0, pinned: false });
    await until(there, 0, true, false);
    assert.deepEqual(await setOf(phone), [0, true, false]);
    for (const client of [phone, laptop]) assert.deepEqual((await client.conversations()).map((info) => info.conversation), [conversation], 'the feed is none');
    assert.ok([...here.events, ...there.events].every((event) => event.conversation === conversation));
    await assert.rejects(phone.setConversation('bob', { mutedUntilMs: -1 }), { code: Code.MALFORMED });
    await assert.rejects(phone.setConversation('u:alice', { pinned: true }), { code: Code.MALFORMED });
  });

  test('offline it is kept, also over a restart, and told on connect; the other device learns it on connect', async (t) => {
    const server = await startGodwit(t);
    const stores = [memoryStore(), memoryStore()];
    const bob = await device(t, server, 'bob');
    const [phone, laptop] = [await device(t, server, 'alice', { store: lasting(stores[0]) }), await device(t, server, 'alice', { store: lasting(stores[1]) })];
    await bob.send('alice', 'hello').until('delivered');
    for (const client of [phone, laptop]) await client.conversations();
    await Promise.all([phone.close(), laptop.close()]);
    const offline = await opened(t, server, 'alice', { store: lasting(stores[0]) });
    await offline.setConversation('bob', { pinned: true, archived: true });
    await offline.setConversation('bob', { archived: false });
    assert.deepEqual(await setOf(offline), [0, false, true]);
    await offline.close();
    const again = await opened(t, server, 'alice', { store: lasting(stores[0]) });
    assert.deepEqual(await setOf(again), [0, false, true]);
    const later = await opened(t, server, 'alice', { store: stores[1] });
    const changes = new Recorder(later, 'conversation');
    const told = new Recorder(again, 'message');
    await again.connect();
    await told.until((events) => events.some((event) => event.conversation === 'u:alice'));
    await later.connect();
    await until(changes, 0, false, true);
    assert.deepEqual(await setOf(again), [0, false, true]);
  });

  test('a new device knows it; so does a store that an earlier version has listed', async (t) => {
    const server = await startGodwit(t);
    const store = memoryStore();
    const [bob, phone] = [await device(t, server, 'bob'), await device(t, server, 'alice', { store: lasting(store) })];
    await bob.send('alice', 'hello').until('delivered');
    await phone.conversations();
    const told = new Recorder(phone, 'message');
    await phone.setConversation('bob', { mutedUntilMs: Infinity, pinned: true });
    await told.until((events) => events.some((event) => event.conversation === 'u:alice'));
    await phone.close();
    assert.deepEqual(await setOf(await device(t, server, 'alice')), [Infinity, false, true]);
    await asOfBefore(store);
    const old = await opened(t, server, 'alice', { store });
    assert.deepEqual(await setOf(old), [0, false, false]);
    await old.connect();
    assert.deepEqual(await setOf(old), [Infinity, false, true]);
  });

  test('a mute that runs out is told, and is none any more', async (t) => {
    const server = await startGodwit(t);
    const [bob, alice] = [await device(t, server, 'bob'), await device(t, server, 'alice')];
    await bob.send('alice', 'hello').until('delivered');
    const changes = new Recorder(alice, 'conversation');
    const end = alice.serverTimeMs() + 300;
    await alice.setConversation('bob', { mutedUntilMs: end });
    await changes.until((events) => events.some(({ mutedUntilMs }) => mutedUntilMs === end));
    await changes.until((events) => events.at(-1)!.mutedUntilMs === 0);
    assert.ok(alice.serverTimeMs() > end);
  });

  test('with a first message that was sent offline', async (t) => {
    const server = await startGodwit(t);
    await device(t, server, 'bob');
    const alice = await opened(t, server, 'alice');
    const errors = new Recorder(alice, 'error');
    const sent = alice.send('bob', 'hello');
    await alice.setConversation('bob', { pinned: true });
    await alice.connect();
    await sent.until('sent');
    const laptop = await device(t, server, 'alice');
    const there = new Recorder(laptop, 'conversation');
    if (`${await setOf(laptop)}` !== '0,false,true') await until(there, 0, false, true);
    assert.deepEqual([await setOf(alice), errors.events], [[0, false, true], []]);
  });

  test('what the server refuses is undone, and said', async (t) => {
    const server = await startGodwit(t);
    const alice = await device(t, server, 'alice');
    const [changes, errors] = [new Recorder(alice, 'conversation'), new Recorder(alice, 'error')];
    await alice.setConversation('nobody', { pinned: true });
    await errors.until(1);
    assert.equal((errors.events[0].error as { code?: Code }).code, Code.UNKNOWN_CONVERSATION);
    await changes.until((events) => events.at(-1)?.pinned === false);
    assert.deepEqual(await alice.conversations(), []);
    await alice.connect();
  });
});

describe('what is set of a conversation, in order', { timeout: 20_000 }, () => {
  const listed = (state: State): { value: Uint8Array } => ({
    value: toBinary(ConversationsListResponseSchema, create(ConversationsListResponseSchema, { conversations: [{ conversation, state: { conversation, ...state } }] })),
  });

  test('an answer that the feed has overtaken says nothing; what comes again changes nothing', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const told = new Recorder(alice, 'message');
    await alice.connect();
    broker.say('bob', 'alice', text('hello'));
    broker.onCall = (method) => {
      if (method !== 'conversations.list') return { value: new Uint8Array(0) };
      feed(broker, { pinned: true });
      return listed({ archived: true });
    };
    assert.deepEqual(await setOf(alice), [0, false, true]);
    feed(broker, { archived: true });
    await told.until((events) => events.length === 3);
    assert.deepEqual(await setOf(alice), [0, true, false]);
    const acknowledged = broker.pubacks().length;
    broker.again('alice', 'u:alice');
    await broker.until(() => broker.pubacks().length === acknowledged + 2);
    assert.deepEqual(await setOf(alice), [0, true, false]);
  }));

  test('what is set is learnt of all conversations, not only of the newest hundred', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const pages: Record<string, MessageInitShape<typeof ConversationsListResponseSchema>> = {
      '': { conversations: [{ conversation, state: { conversation } }], next: 'a' },
      a: { conversations: [{ conversation: 'd:alice:carol', state: { conversation: 'd:alice:carol' } }], next: 'b' },
      b: { conversations: [{ conversation: 'd:alice:dave', state: { conversation: 'd:alice:dave', pinned: true } }] },
    };
    broker.onCall = (method, params) => {
      if (method !== 'conversations.list') return { value: new Uint8Array(0) };
      return { value: toBinary(ConversationsListResponseSchema, create(ConversationsListResponseSchema, pages[fromBinary(ConversationsListRequestSchema, params).after])) };
    };
    await alice.connect();
    assert.deepEqual((await alice.conversations()).map((info) => [info.conversation, info.pinned]), [[conversation, false], ['d:alice:dave', true]]);
    assert.deepEqual(broker.publishes().filter(({ topic }) => topic === 'rpc/history.list').length, 2, 'the newest, and the one that is pinned');
    await alice.conversations();
    assert.equal(broker.publishes('rpc/conversations.list').length, 3, 'once');
  }));

  test('after a gap in the feed it is asked for again', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const changes = new Recorder(alice, 'conversation');
    broker.onCall = (method) => (method === 'conversations.list' ? listed({ pinned: true }) : { value: new Uint8Array(0) });
    await alice.connect();
    await until(changes, 0, false, true);
    feed(broker, { pinned: true });
    broker.onCall = (method) => (method === 'conversations.list' ? listed({ archived: true }) : { value: new Uint8Array(0) });
    broker.gap('u:alice', 3, Reason.TRIMMED);
    await until(changes, 0, true, false);
  }));
});

/** The store as a version without settings has left it. */
async function asOfBefore(store: Store): Promise<void> {
  const record = (head: object): Uint8Array => {
    const json = Buffer.from(JSON.stringify(head));
    const bytes = Buffer.alloc(4 + json.length);
    bytes.writeUInt32BE(json.length);
    json.copy(bytes, 4);
    return bytes;
  };
  const [[key, place]] = await store.range({ from: `p/${conversation}`, before: `p/${conversation}/` });
  const { mutedUntilMs: _m, archived: _a, pinned: _p, clearedTo: _c, setAt: _s, wish: _w, ...head } = JSON.parse(Buffer.from(place.subarray(4)).toString()) as Record<string, unknown>;
  await store.write([{ key, value: record(head) }, { key: 'listed', value: record({}) }]);
}
