import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, State, type Client, type Sent } from 'godwit-client';
import { ContentSchema, create, createUlid, deliveryTopics, fromBinary, PresenceSchema, RequestSchema, SealedSchema, toBinary, ulidToString, type Message } from 'godwit-schemas';
import type { FakeBroker } from '../sdk/fake-broker.js';
import { Recorder, scene, texts } from '../sdk/fixtures.js';
import { Profile, type FakeTab, type Said } from './profile.js';

const newId = createUlid();

function textIn(message: Message): string {
  const { kind } = fromBinary(ContentSchema, fromBinary(SealedSchema, message.body).payload);
  return kind.case === 'text' ? kind.value.text : '';
}

const logged = (broker: FakeBroker): string[] => broker.log.entries('d:alice:bob').map(({ message }) => textIn(message));
const bare = (text: string): { id: Uint8Array; body: Uint8Array; flags: number } => ({ id: newId(), body: Buffer.from(text), flags: 2 });
const allSent = (sent: readonly Sent[]): Promise<Sent[]> => Promise.all(sent.map((one) => one.until('sent')));

/** The tab ends when it is about to say its nth such thing: before it is said, or right after. */
function crashAt(tab: FakeTab, what: (said: Said) => boolean, nth: number, after: boolean): void {
  let seen = 0;
  tab.onPost = (said) => {
    if (!what(said) || ++seen !== nth) return false;
    if (!after) tab.crash();
    else setImmediate(() => tab.crash());
    return !after;
  };
}

/** The tab ends before or after its nth write. */
function crashAtWrite(tab: FakeTab, nth: number, after: boolean): void {
  let seen = 0;
  tab.onWrite = (when) => {
    if (when === (after ? 'after' : 'before') && ++seen === nth) tab.crash();
  };
}

/** What a leader says about a message on its way, and one about other things. */
const moments: Record<string, (said: Said) => boolean> = {
  answer: ({ kind }) => kind === 'answer',
  queued: ({ kind }) => kind === 'queued',
  'sent event': ({ kind, event }) => kind === 'event' && event?.type === 'state',
  'message event': ({ kind, event }) => kind === 'event' && event?.type === 'message',
};

describe('the leader ends, another tab takes over', { timeout: 60_000 }, () => {
  test('closed in the middle of sends: nothing lost or doubled, in order, and the device is the same', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const [{ client: leader }, { client: follower }] = [await profile.client(), await profile.client()];
    await Promise.all([leader.connect(), follower.connect()]);
    const { device } = leader;
    const sent = Array.from({ length: 30 }, (_, i) => follower.send('bob', `${i}`));
    await sent[3].until('sent');
    const own = leader.send('bob', 'of the leader');
    const closed = leader.close();
    sent.push(...Array.from({ length: 30 }, (_, i) => follower.send('bob', `${30 + i}`)));
    await closed;
    assert.throws(() => leader.send('bob', 'x'), { code: Code.UNAVAILABLE });
    assert.equal(leader.connection, 'closed');
    await allSent(sent);
    const all = logged(broker);
    assert.deepEqual(all.filter((text) => text !== 'of the leader'), sent.map((_, i) => `${i}`));
    assert.equal(all.filter((text) => text === 'of the leader').length, 1);
    assert.equal(ulidToString(broker.log.entries('d:alice:bob')[all.indexOf('of the leader')].message.id), own.id);
    assert.deepEqual([follower.device, broker.sessions.size], [device, 1]);
  }));

  for (const moment of ['write', ...Object.keys(moments)]) {
    for (const after of [false, true]) {
      test(`crashed ${after ? 'right after' : 'before'} its nth ${moment}, for n from 1 to 6`, scene(async (at) => {
        for (let nth = 1; nth <= 6; nth++) {
          const broker = await at.broker();
          const profile = new Profile(at, broker);
          const { tab } = await profile.client();
          const { client } = await profile.client();
          const messages = new Recorder(client, 'message');
          const states = new Recorder(client, 'state');
          await client.connect();
          if (moment === 'write') crashAtWrite(tab, nth, after);
          else crashAt(tab, moments[moment], nth, after);
          const sent: Sent[] = [];
          for (let i = 0; i < 10; i++) {
            sent.push(client.send('bob', `${i}`));
            broker.say('bob', 'alice', bare(`to ${i}`));
          }
          await allSent(sent);
          await messages.until(10);
          // What comes last is behind everything else.
          broker.say('bob', 'alice', bare('end'));
          await messages.until((events) => events.some(({ text }) => text === 'end'));
          assert.ok(tab.gone, 'it has crashed');
          const mine = broker.log.entries('d:alice:bob').filter(({ from }) => from === 'alice');
          assert.deepEqual(mine.map(({ message }) => textIn(message)), sent.map((_, i) => `${i}`), `n = ${nth}`);
          assert.deepEqual(sent.map(({ seq }) => seq), mine.map(({ seq }) => seq));
          assert.deepEqual(texts(messages.events), [...sent.map((_, i) => `to ${i}`), 'end']);
          assert.deepEqual(states.events.filter(({ state }) => state === 'sent').map(({ id }) => id), sent.map(({ id }) => id), 'told once each');
          const stored = await client.messages('bob', { limit: 100 });
          assert.deepEqual(texts(stored), broker.log.entries('d:alice:bob').map(({ message, from }) => (from === 'alice' ? textIn(message) : Buffer.from(message.body).toString())));
          assert.deepEqual(client.outbox(), []);
        }
      }));
    }
  }

  test('ticks that the crashed leader stored and did not tell are told by the next; ticks go on', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const { tab } = await profile.client();
    const { client } = await profile.client();
    await client.connect();
    const [one, two] = [client.send('bob', 'one'), client.send('bob', 'two')];
    await allSent([one, two]);
    tab.onPost = ({ kind, event }) => kind === 'event' && (event?.type === 'state' || event?.type === 'receipt');
    broker.receipt('alice', { conversation: 'd:alice:bob', delivered: 2n, read: 1n, atMs: 1n });
    await broker.until(() => broker.session('alice').unacknowledged.size === 0);
    const states = new Recorder(client, 'state');
    tab.crash();
    await Promise.all([one.until('read'), two.until('delivered')]);
    assert.deepEqual(states.events.map(({ id, state }) => [id, state]), [[one.id, 'read'], [two.id, 'delivered']]);
    broker.receipt('alice', { conversation: 'd:alice:bob', delivered: 2n, read: 2n, atMs: 2n });
    await two.until('read');
  }));

  test('what a tab wants holds with the next leader: connection, presence, whom it watches; a call is done once', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const { tab } = await profile.client();
    const { client } = await profile.client();
    await client.connect();
    await client.presence.watch('bob');
    client.setPresence(State.AWAY);
    broker.onCall = () => undefined;
    const call = client.call('read.set', { conversation: 'd:alice:bob', seq: 1n });
    await broker.until(() => broker.publishes('rpc/read.set').length === 1);
    const connections = new Recorder(client, 'connection');
    broker.onCall = () => ({ value: new Uint8Array(0) });
    tab.crash();
    await call;
    await connections.until((events) => events.at(-1)?.state === 'connected');
    const ids = broker.publishes('rpc/read.set').map(({ payload }) => Buffer.from(fromBinary(RequestSchema, payload as Buffer).callId).toString('hex'));
    assert.equal(ids.length, 2);
    assert.equal(ids[0], ids[1]);
    const presence = new Recorder(client, 'presence');
    await broker.until(() => broker.received.some(({ packet, connection }) => connection > 1 && packet.cmd === 'subscribe' && packet.subscriptions[0].topic === 'presence/bob'));
    broker.session('alice').deliver(deliveryTopics.presence('bob'), toBinary(PresenceSchema, create(PresenceSchema, { state: State.ONLINE })));
    await presence.until(1);
  }));

  test('a message sent while the next leader comes up does not overtake those that the last one has not taken', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const { tab } = await profile.client();
    const { tab: next } = await profile.client();
    const { client } = await profile.client();
    await client.connect();
    tab.freeze();
    const sent = [client.send('bob', '0'), client.send('bob', '1')];
    // It has opened the store, and nobody has heard of it yet.
    next.onPost = ({ kind }) => {
      if (kind === 'lead' && sent.length === 2) sent.push(client.send('bob', '2'));
    };
    tab.crash();
    await sent[1].until('queued');
    await allSent(sent);
    assert.equal(sent.length, 3);
    assert.deepEqual(logged(broker), ['0', '1', '2']);
  }));

  test('a failed message that is sent again or discarded while the leader ends: done once, and said so', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const { tab: first } = await profile.client();
    const { tab: second } = await profile.client();
    const { client } = await profile.client();
    await client.connect();
    broker.onMessage = () => ({ code: Code.NOT_ALLOWED });
    const [again, never] = [client.send('bob', 'again'), client.send('bob', 'never')];
    for (const sent of [again, never]) await assert.rejects(sent.until('sent'), { code: Code.NOT_ALLOWED });
    broker.onMessage = () => undefined;
    crashAt(first, ({ kind }) => kind === 'answer', 1, false);
    await again.retry();
    assert.ok(first.gone);
    await again.until('sent');
    crashAt(second, ({ kind }) => kind === 'answer', 1, false);
    await never.discard();
    assert.ok(second.gone);
    assert.deepEqual(client.outbox(), []);
    await client.messages('bob');
    assert.deepEqual(logged(broker), ['again']);
  }));

  test('one after the other until the last: everything sent and received once', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const tabs: { tab: FakeTab; client: Client }[] = [];
    for (let i = 0; i < 4; i++) tabs.push(await profile.client());
    const { client: last } = tabs.at(-1)!;
    const heard = new Recorder(last, 'message');
    for (const { client } of tabs) void client.connect();
    const sent: Sent[] = [];
    for (const [n, { tab, client }] of tabs.slice(0, -1).entries()) {
      for (let i = 0; i < 8; i++) {
        sent.push(last.send('bob', `${sent.length}`));
        broker.say('bob', 'alice', bare(`${n * 8 + i}`));
      }
      await sent.at(-4)!.until('sent');
      if (n % 2) await client.close();
      else tab.crash();
    }
    await allSent(sent);
    await heard.until(24);
    assert.deepEqual(broker.log.entries('d:alice:bob').filter(({ from }) => from === 'alice').map(({ message }) => textIn(message)), sent.map((_, i) => `${i}`));
    assert.deepEqual(texts(heard.events), sent.map((_, i) => `${i}`));
    assert.equal(broker.sessions.size, 1);
  }));
});

describe('the leader is frozen', { timeout: 30_000 }, () => {
  test('whoever waits for an answer hears UNAVAILABLE; what was sent is kept when it wakes', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker, { silenceMs: 60 });
    const { tab } = await profile.client();
    const { client } = await profile.client();
    await client.connect();
    tab.freeze();
    const sent = client.send('bob', 'patient');
    await assert.rejects(client.messages('bob'), { code: Code.UNAVAILABLE, message: /frozen/ });
    await assert.rejects(client.markRead('bob', 1), { code: Code.UNAVAILABLE });
    await assert.rejects(profile.client(), { code: Code.UNAVAILABLE }, 'a new tab');
    assert.equal(sent.state, 'queued');
    tab.thaw();
    await sent.until('sent');
    assert.deepEqual(logged(broker), ['patient']);
    await client.messages('bob');
  }));

  test('a tab that is closed meanwhile says what may not be kept', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker, { silenceMs: 60 });
    const { tab } = await profile.client();
    const { client, tab: own } = await profile.client();
    tab.freeze();
    const sent = client.send('bob', 'hello');
    const waiting = sent.until('sent');
    await assert.rejects(client.close(), { code: Code.UNAVAILABLE });
    await assert.rejects(waiting, { code: Code.UNAVAILABLE });
    assert.equal(own.channels.size, 0, 'it is closed all the same');
  }));
});
