import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, liveConversations, liveMessages, memoryStore, Reason, type ConversationInfo } from 'godwit-client';
import { startGodwit } from '../support/godwit.js';
import { kinds, saying, text } from './contents.js';
import { gate, lasting, Recorder, scene, texts } from './fixtures.js';
import { device, opened } from './real.js';
import { lines, Watch } from './watch.js';

const names = (list: readonly ConversationInfo[]): string[] => list.map(({ conversation }) => conversation.replace('d:alice:', ''));
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

describe('the live list of conversations', { timeout: 60_000 }, () => {
  test('pinned first, then the newest; archived ones apart; it follows messages, reading and another device', async (t) => {
    const server = await startGodwit(t);
    const others = [];
    for (const name of ['bob', 'carol', 'dave']) others.push(await device(t, server, name));
    const [alice, laptop] = [await device(t, server, 'alice'), await device(t, server, 'alice')];
    const [all, inbox, archive] = [{}, { archived: false }, { archived: true }].map((options) => new Watch(liveConversations(alice, options)));
    await all.until(({ loading }) => !loading);
    for (const one of others) await one.send('alice', 'hi').until('delivered');
    await all.until((now) => `${names(now.conversations)}` === 'dave,carol,bob' && now.conversations.every(({ unread }) => unread === 1));
    const before = all.now.conversations;
    await laptop.setConversation('bob', { pinned: true });
    await all.until((now) => `${names(now.conversations)}` === 'bob,dave,carol');
    assert.equal(all.now.conversations[1], before[0], 'what has not changed is the same object');
    await alice.setConversation('carol', { archived: true });
    await inbox.until((now) => `${names(now.conversations)}` === 'bob,dave');
    await archive.until((now) => `${names(now.conversations)}` === 'carol');
    await others[1].send('alice', 'hello?').until('delivered');
    await all.until((now) => `${names(now.conversations)}` === 'bob,carol,dave' && now.conversations[1].unread === 2);
    await alice.markRead('carol', 2);
    await archive.until((now) => now.conversations[0].unread === 0);
    await alice.clearConversation('bob');
    await all.until((now) => now.conversations[0].last === undefined);
  });

  test('a snapshot is the same until something changes; without subscribers nothing is listened to', async (t) => {
    const server = await startGodwit(t);
    const [bob, alice] = [await device(t, server, 'bob'), await opened(t, server, 'alice')];
    const live = liveConversations(alice);
    assert.deepEqual(live.getSnapshot(), { conversations: [], loading: true });
    const watch = new Watch(live);
    await watch.until(({ loading }) => !loading);
    assert.equal(live.getSnapshot(), live.getSnapshot());
    await alice.connect();
    const heard = new Recorder(alice, 'conversation');
    for (const word of numbers(1, 50)) bob.send('alice', word);
    await watch.until((now) => now.conversations[0]?.last?.text === '50');
    const { calls, now } = watch;
    watch.stop();
    watch.stop();
    await bob.send('alice', 'unheard').until('delivered');
    await heard.until((events) => events.at(-1)?.last?.text === 'unheard');
    assert.deepEqual([watch.calls, live.getSnapshot()], [calls, now]);
    await new Watch(live).until((later) => later.conversations[0].last?.text === 'unheard');
  });
});

describe('the live messages of a conversation', { timeout: 60_000 }, () => {
  test('a new device pages back to the beginning, while new ones come', async (t) => {
    const server = await startGodwit(t);
    const [bob, phone] = [await device(t, server, 'bob'), await device(t, server, 'alice')];
    const heard = new Recorder(phone, 'message');
    await Promise.all(numbers(1, 230).map((word) => bob.send('alice', word).until('delivered')));
    await heard.until(230);
    const alice = await opened(t, server, 'alice');
    const live = liveMessages(alice, 'bob', { pageSize: 60 });
    assert.deepEqual(live.getSnapshot(), { messages: [], loading: true, more: true });
    const watch = new Watch(live);
    const offline = await watch.until(({ loading }) => !loading);
    assert.deepEqual([offline.messages, offline.more], [[], true], 'there may be more, once connected');
    await alice.connect();
    await watch.until(({ messages, loading }) => messages.length === 60 && !loading);
    const first = watch.now.messages[0];
    const [more, again] = [live.loadMore(), live.loadMore()];
    bob.send('alice', 'news');
    await Promise.all([more, again]);
    await watch.until(({ messages }) => messages.length === 121);
    assert.equal(watch.now.messages[60], first);
    for (let tries = 0; watch.now.more; tries++) {
      assert.ok(tries < 5);
      await live.loadMore();
    }
    assert.deepEqual(texts(watch.now.messages), [...numbers(1, 230), 'news']);
    const { now } = watch;
    await live.loadMore();
    assert.deepEqual(watch.now, now);
  });

  test('own ones once accepted, their ticks, edits, reactions, deletions, a clear', async (t) => {
    const server = await startGodwit(t);
    const [bob, alice, laptop] = [await device(t, server, 'bob'), await device(t, server, 'alice'), await device(t, server, 'alice')];
    const watches = [alice, laptop].map((client) => new Watch(liveMessages(client, 'bob')));
    const both = (...wanted: string[]): Promise<unknown> => Promise.all(watches.map((watch) => watch.until(({ messages }) => `${lines(messages)}` === `${wanted}`)));
    await Promise.all(watches.map((watch) => watch.until(({ loading }) => !loading)));
    const sent = ['one', 'two', 'three'].map((word) => alice.send('bob', word));
    await both('one (delivered)', 'two (delivered)', 'three (delivered)');
    await bob.markRead('alice', 2);
    await both('one (read)', 'two (read)', 'three (delivered)');
    const three = watches[0].now.messages[2];
    await alice.edit(sent[0], 'one!').until('sent');
    await laptop.delete({ conversation: 'd:alice:bob', id: sent[1].id }).until('sent');
    await both('one! (read)', 'deleted (read)', 'three (delivered)');
    await bob.react({ conversation: 'd:alice:bob', from: 'alice', id: sent[0].id }, '👍').until('sent');
    await Promise.all(watches.map((watch) => watch.until(({ messages }) => messages[0].type === 'message' && messages[0].reactions.length === 1)));
    assert.equal(watches[0].now.messages[2], three, 'what has not changed is the same object');
    await bob.send('alice', 'four').until('sent');
    await both('one! (read)', 'deleted (read)', 'three (delivered)', 'four');
    await laptop.clearConversation('bob');
    await both();
    await bob.send('alice', 'five').until('sent');
    await both('five');
    assert.equal(watches[0].now.more, false);
    assert.throws(() => liveMessages(alice, 'b/ob'), { code: Code.MALFORMED });
  });

  test('what disappears goes at its time; gaps are shown', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const watch = new Watch(liveMessages(alice, 'bob'));
    await alice.connect();
    broker.say('bob', 'alice', text('stays'));
    broker.gap('d:alice:bob', 3, Reason.TRIMMED);
    broker.say('bob', 'alice', text('goes', { expiresInS: 1 }));
    broker.say('carol', 'alice', text('elsewhere'));
    await watch.until(({ messages }) => `${lines(messages)}` === 'stays,gap,goes');
    await watch.until(({ messages }) => `${lines(messages)}` === 'stays,gap');
  }));

  test('what comes while a page is read is neither lost nor shown twice, nor overwritten by what was read before', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const slow = lasting(store);
    const alice = await at.client(broker, 'alice', { store: slow });
    await alice.connect();
    const [one, two] = [text('one'), text('two')];
    for (const body of [one, two]) broker.say('bob', 'alice', body);
    await broker.until(() => broker.pubacks().length === 2);
    const [asked, held] = [gate(), gate()];
    slow.range = async (range) => {
      const rows = await store.range(range);
      if (!range.from.startsWith('m/')) return rows;
      asked.open();
      await held.promise;
      return rows;
    };
    const [messages, changes] = [new Recorder(alice, 'message'), new Recorder(alice, 'changed')];
    const watch = new Watch(liveMessages(alice, 'bob'));
    await asked.promise;
    broker.say('bob', 'alice', saying(kinds.edit({ from: 'bob', id: one.id }, 'one!')));
    broker.say('bob', 'alice', text('three'));
    await Promise.all([messages.until(1), changes.until(1)]);
    held.open();
    await watch.until(({ loading }) => !loading);
    assert.deepEqual(lines(watch.now.messages), ['one!', 'two', 'three']);
  }));

  test('what cannot be read is said, and tried again', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const alice = await at.client(broker, 'alice', { store: lasting(store) });
    await alice.connect();
    broker.say('bob', 'alice', text('one'));
    await broker.until(() => broker.pubacks().length === 1);
    await alice.close();
    const failing = lasting(store);
    const later = await at.client(broker, 'alice', { store: failing });
    failing.range = async () => Promise.reject(new Error('the disk is gone'));
    const watch = new Watch(liveMessages(later, 'bob'));
    assert.match((await watch.until(({ loading }) => !loading)).error!.message, /disk/);
    failing.range = (range) => store.range(range);
    await later.connect();
    assert.deepEqual(lines((await watch.until(({ messages }) => messages.length === 1)).messages), ['one']);
    assert.equal(watch.now.error, undefined);
  }));
});
