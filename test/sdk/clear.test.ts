import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Code, memoryStore, type Client, type Store } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { ConversationsClearResponseSchema, create, toBinary } from 'godwit-schemas';
import { temporaryFolder } from '../support/folder.js';
import { startGodwit } from '../support/godwit.js';
import { kinds, saying, text } from './contents.js';
import { lasting, Recorder, scene, texts } from './fixtures.js';
import { device, opened, type Scope } from './real.js';

const conversation = 'd:alice:bob';

/** Every byte of a store, as text. */
async function contents(store: Store): Promise<string> {
  const rows = await store.range({ from: ' ', before: '~' });
  return rows.map(([key, value]) => `${key} ${Buffer.from(value).toString()}`).join('\n');
}

async function said(bob: Client, ...words: string[]): Promise<void> {
  for (const word of words) await bob.send('alice', word).until('sent');
}

describe('a conversation is cleared', { timeout: 60_000 }, () => {
  const backends: [string, (t: Scope) => Promise<Store>][] = [
    ['memory', async () => memoryStore()],
    ['level', async (t) => levelStore(join(await temporaryFolder(t), 'store'))],
  ];
  for (const [name, make] of backends) {
    test(`its messages are gone from the store (${name}) and do not come back; what comes later is there`, async (t) => {
      const server = await startGodwit(t);
      const store = await make(t);
      t.after(() => store.close());
      const [bob, alice] = [await device(t, server, 'bob'), await device(t, server, 'alice', { store: lasting(store) })];
      const [heard, cleared, changes] = [new Recorder(alice, 'message'), new Recorder(alice, 'cleared'), new Recorder(alice, 'conversation')];
      await said(bob, 'secret one', 'secret two');
      await bob.send('alice', 'secret and soon gone', { expiresInS: 600 }).until('sent');
      await heard.until(3);
      await alice.react({ conversation, from: 'bob', id: heard.events[0].id }, '🙈').until('sent');
      await alice.clearConversation('bob');
      assert.deepEqual(cleared.events, [{ type: 'cleared', conversation, to: 4 }]);
      assert.doesNotMatch(await contents(store), /secret|🙈|^e\//m);
      assert.deepEqual(await alice.messages('bob'), []);
      const [{ unread, last, clearedTo, ownRead }] = await alice.conversations();
      assert.deepEqual([unread, last, clearedTo, ownRead], [0, undefined, 4, 4]);
      await said(bob, 'news');
      await changes.until((events) => events.at(-1)?.last?.text === 'news');
      assert.deepEqual([texts(await alice.messages('bob')), (await alice.conversations())[0].unread], [['news'], 1]);
      await alice.close();
      const later = await device(t, server, 'alice', { store: lasting(store) });
      assert.deepEqual(texts(await later.messages('bob', { limit: 500 })), ['news']);
    });
  }

  test('on the other devices too, at once or on connect; a device that had not been given it yet shows nothing of it', async (t) => {
    const server = await startGodwit(t);
    const [away, behind] = [memoryStore(), memoryStore()];
    const [bob, phone, laptop] = [await device(t, server, 'bob'), await device(t, server, 'alice'), await device(t, server, 'alice')];
    await (await device(t, server, 'alice', { store: lasting(behind) })).close();
    const tablet = await device(t, server, 'alice', { store: lasting(away) });
    const heard = [phone, laptop, tablet].map((client) => new Recorder(client, 'message'));
    await said(bob, '1', '2', '3');
    for (const one of heard) await one.until(3);
    await tablet.close();
    const there = new Recorder(laptop, 'cleared');
    await phone.clearConversation('bob');
    await there.until(1);
    assert.deepEqual(await laptop.messages('bob'), []);
    await said(bob, '4');
    for (const store of [away, behind]) {
      const client = await opened(t, server, 'alice', { store });
      const [messages, cleared] = [new Recorder(client, 'message'), new Recorder(client, 'cleared')];
      await client.connect();
      await cleared.until(1);
      await messages.until((events) => events.some((event) => event.text === '4'));
      assert.deepEqual(texts(await client.messages('bob')), ['4']);
      assert.equal((await client.conversations())[0].unread, 1);
    }
    const fresh = await device(t, server, 'alice');
    assert.deepEqual((await fresh.conversations()).map(({ unread, clearedTo, last }) => [unread, clearedTo, last?.text]), [[1, 3, '4']]);
    assert.deepEqual(texts(await fresh.messages('bob')), ['4']);
  });

  test('not without a connection: what comes meanwhile would go too', async (t) => {
    const server = await startGodwit(t);
    const alice = await opened(t, server, 'alice');
    await assert.rejects(alice.clearConversation('bob'), { code: Code.UNAVAILABLE, message: /^not connected/ });
    await alice.connect();
    await assert.rejects(alice.clearConversation('bob'), { code: Code.UNKNOWN_CONVERSATION });
    await assert.rejects(alice.clearConversation('u:alice'), { code: Code.MALFORMED });
  });

  test('what was delivered late, and what waits for a message that is cleared, goes too', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const alice = await at.client(broker, 'alice', { store: lasting(store) });
    await alice.connect();
    const [gone, here] = [text('gone'), text('here')];
    broker.say('bob', 'alice', saying(kinds.edit({ from: 'bob', id: gone.id }, 'secret edit')));
    broker.say('bob', 'alice', text('two'));
    broker.say('bob', 'alice', saying(kinds.reaction({ from: 'bob', id: here.id }, '👍')));
    await broker.until(() => broker.pubacks().length === 3);
    assert.match(await contents(store), /secret edit/);
    const cleared = (to: bigint): Uint8Array => toBinary(ConversationsClearResponseSchema, create(ConversationsClearResponseSchema, { state: { conversation, clearedTo: to } }));
    broker.onCall = (method) => ({ value: method === 'conversations.clear' ? cleared(2n) : new Uint8Array(0) });
    await alice.clearConversation('bob');
    assert.doesNotMatch(await contents(store), /secret edit/);
    broker.onCall = () => ({ value: cleared(5n) });
    const events = new Recorder(alice, 'cleared');
    await alice.clearConversation('bob');
    assert.equal(events.events[0].to, 5);
    const messages = new Recorder(alice, 'message');
    broker.say('bob', 'alice', text('four', { expiresInS: 60 }));
    broker.say('bob', 'alice', saying(kinds.edit({ from: 'bob', id: here.id }, 'five')));
    broker.say('bob', 'alice', text('six'));
    await messages.until(1);
    assert.deepEqual([texts(messages.events), texts(await alice.messages('bob'))], [['six'], ['six']]);
    assert.doesNotMatch(await contents(store), /four|five|👍|^e\//m);
  }));

  test('a body that the server takes back for everyone is forgotten', async (t) => {
    const server = await startGodwit(t);
    const store = memoryStore();
    const [bob, alice] = [await device(t, server, 'bob'), await device(t, server, 'alice', { store: lasting(store) })];
    const [heard, changes] = [new Recorder(alice, 'message'), new Recorder(alice, 'changed')];
    await said(bob, 'secret one', 'two');
    const edited = await bob.send('alice', 'three').until('sent');
    await bob.edit(edited, 'secret three').until('sent');
    await heard.until(3);
    await changes.until(1);
    await bob.call('messages.erase', { conversation, seq: 1n });
    await bob.call('messages.erase', { conversation, seq: 4n });
    await changes.until(3);
    assert.deepEqual(changes.events.slice(1).map(({ message }) => [message.seq, message.content.kind]), [[1, 'deleted'], [3, 'deleted']]);
    assert.doesNotMatch(await contents(store), /secret/);
    assert.deepEqual((await alice.conversations()).map(({ unread, last }) => [unread, last?.content.kind]), [[1, 'deleted']]);
  });
});
