import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, liveConversations, liveMessages, type ConversationInfo } from 'godwit-client';
import { createSearch } from 'godwit-client/search';
import { ConversationsClearResponseSchema, create, createUlid, fromBinary, RequestSchema, toBinary } from 'godwit-schemas';
import { Recorder, scene } from '../sdk/fixtures.js';
import { device } from '../sdk/real.js';
import { lines, Watch } from '../sdk/watch.js';
import { tokenFor } from '../support/address.js';
import { startGodwit } from '../support/godwit.js';
import { Profile } from './profile.js';

const newId = createUlid();
const conversation = 'd:alice:bob';
const bare = (text: string): { id: Uint8Array; body: Uint8Array; flags: number } => ({ id: newId(), body: Buffer.from(text), flags: 2 });
const settings = ({ mutedUntilMs, archived, pinned }: ConversationInfo): unknown[] => [mutedUntilMs, archived, pinned];

describe('settings and live lists in tabs', { timeout: 30_000 }, () => {
  test('every tab has them, and what one does shows in all; other devices too', async (t) => {
    const server = await startGodwit(t);
    await scene(async (at) => {
      const profile = new Profile(at, { url: `mqtt://127.0.0.1:${server.mqttPort}` }, { token: () => tokenFor(server, 'alice') });
      const tabs = [(await profile.client()).client, (await profile.client()).client];
      const [bob, phone] = [await device(t, server, 'bob'), await device(t, server, 'alice')];
      const lists = [...tabs, phone].map((client) => new Watch(liveConversations(client)));
      const talks = [...tabs, phone].map((client) => new Watch(liveMessages(client, 'bob')));
      await Promise.all(tabs.map((client) => client.connect()));
      const set = (...wanted: unknown[]): Promise<unknown> => Promise.all(lists.map((list) => list.until(({ conversations }) => conversations.length === 1 && `${settings(conversations[0])}` === `${wanted}`)));
      const said = (...wanted: string[]): Promise<unknown> => Promise.all(talks.map((talk) => talk.until(({ messages }) => `${lines(messages)}` === `${wanted}`)));
      await bob.send('alice', 'hello').until('sent');
      await said('hello');
      await tabs[1].setConversation('bob', { pinned: true, mutedUntilMs: Infinity });
      await set(Infinity, false, true);
      await phone.setConversation('bob', { mutedUntilMs: 0 });
      await set(0, false, true);
      const own = tabs[1].send('bob', 'hi');
      await said('hello', 'hi (delivered)');
      await tabs[0].edit(own, 'hi!').until('sent');
      await bob.markRead('alice', 2);
      await said('hello', 'hi! (read)');
      const search = createSearch(tabs[1]);
      assert.deepEqual((await search.find('h')).length + (await search.find('hi')).length, 1);
      assert.deepEqual((await search.find('he'))[0].text, 'hello');
      await tabs[1].clearConversation('bob');
      assert.deepEqual(await search.find('hello'), []);
      await said();
      await Promise.all(lists.map((list) => list.until(({ conversations }) => conversations[0].last === undefined)));
      await assert.rejects(tabs[1].setConversation('b/ob', {}), { code: Code.MALFORMED });
      for (const one of [...lists, ...talks]) one.stop();
    })();
  });

  test('what a leader has stored and told nobody, when it ended, the next one shows', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const { client: leader, tab: leading } = await profile.client();
    const { client: follower } = await profile.client();
    const [list, talk] = [new Watch(liveConversations(follower)), new Watch(liveMessages(follower, 'bob'))];
    await Promise.all([leader.connect(), follower.connect()]);
    broker.say('bob', 'alice', bare('one'));
    await Promise.all([list.until(({ conversations }) => conversations[0]?.unread === 1), talk.until(({ messages }) => messages.length === 1)]);
    broker.onCall = (method) => (method === 'conversations.set' ? undefined : { value: new Uint8Array(0) });
    leading.onPost = ({ kind }) => kind === 'event';
    await leader.setConversation('bob', { pinned: true });
    leading.crash();
    await list.until(({ conversations }) => conversations[0].pinned);
    broker.say('bob', 'alice', bare('two'));
    await Promise.all([list.until(({ conversations }) => conversations[0].unread === 2), talk.until(({ messages }) => `${lines(messages)}` === 'one,two')]);
  }));

  test('a clear that a leader has asked for, when it ended, is not done twice', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const { client: leader, tab: leading } = await profile.client();
    const { client: follower } = await profile.client();
    await Promise.all([leader.connect(), follower.connect()]);
    const heard = new Recorder(follower, 'message');
    broker.say('bob', 'alice', bare('one'));
    await heard.until(1);
    const state = { conversation, clearedTo: 1n };
    broker.onCall = (method) => {
      if (method !== 'conversations.clear') return { value: new Uint8Array(0) };
      if (leading.gone) return { value: toBinary(ConversationsClearResponseSchema, create(ConversationsClearResponseSchema, { state })) };
      leading.crash();
      return undefined;
    };
    const connections = new Recorder(follower, 'connection');
    const clearing = follower.clearConversation('bob');
    await connections.until((events) => events.at(-1)?.state === 'connected');
    await clearing;
    const [first, second, ...others] = broker.publishes('rpc/conversations.clear').map(({ payload }) => fromBinary(RequestSchema, payload as Buffer).callId);
    assert.deepEqual([first, others], [second, []]);
    assert.deepEqual(await follower.messages('bob'), []);
  }));
});
