import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, State } from 'godwit-client';
import { create, deliveryTopics, fromBinary, PresenceSchema, ReadSetRequestSchema, ReadSetResponseSchema, toBinary, TypingSchema } from 'godwit-schemas';
import type { FakeBroker } from './fake-broker.js';
import { Recorder, scene } from './fixtures.js';

const topicsOf = (broker: FakeBroker, cmd: 'subscribe' | 'unsubscribe'): string[] =>
  broker.received.flatMap(({ packet }) => {
    if (packet.cmd === 'subscribe' && cmd === 'subscribe') return packet.subscriptions.map(({ topic }) => topic);
    return packet.cmd === 'unsubscribe' && cmd === 'unsubscribe' ? packet.unsubscriptions : [];
  });

describe('typing', { timeout: 20_000 }, () => {
  test('a notice goes out at once, not more often than said, and not while offline', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice', { timing: { typingEveryMs: 60_000 } });
    assert.equal(alice.typing('bob'), false);
    await alice.connect();
    assert.equal(alice.typing('bob'), true);
    assert.equal(alice.typing('bob'), false);
    assert.equal(alice.typing('carol'), true);
    await alice.call('read.set', {});
    const notices = broker.publishes().filter(({ topic }) => topic.startsWith('typing/'));
    assert.deepEqual(notices.map(({ topic, qos, payload }) => [topic, qos, payload.length]), [['typing/d:alice:bob', 0, 0], ['typing/d:alice:carol', 0, 0]]);
  }));

  test("others' notices are events", scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'typing');
    await alice.connect();
    broker.session('alice').deliver(deliveryTopics.typing('alice'), toBinary(TypingSchema, create(TypingSchema, { conversation: 'd:alice:bob', from: 'bob' })), 0);
    await heard.until(1);
    assert.deepEqual(heard.events, [{ type: 'typing', conversation: 'd:alice:bob', from: 'bob' }]);
  }));
});

describe('presence', { timeout: 20_000 }, () => {
  const tell = (broker: FakeBroker, user: string, state: State, lastSeenMs: bigint): void =>
    broker.session('alice').deliver(deliveryTopics.presence(user), toBinary(PresenceSchema, create(PresenceSchema, { state, lastSeenMs })));

  test('watching, told, kept over reconnects without asking again, and ended', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'presence');
    const early = alice.presence.watch('bob');
    await alice.connect();
    await early;
    assert.equal(alice.presence.of('bob'), undefined);
    tell(broker, 'bob', State.ONLINE, 5n);
    await heard.until(1);
    assert.deepEqual(heard.events, [{ type: 'presence', user: 'bob', state: State.ONLINE, lastSeenMs: 5 }]);
    assert.deepEqual(alice.presence.of('bob'), heard.events[0]);
    await broker.until(() => broker.pubacks().length === 1);
    broker.cut('alice');
    await broker.until(() => broker.connects.length === 2);
    tell(broker, 'bob', State.OFFLINE, 6n);
    await heard.until(2);
    assert.deepEqual(topicsOf(broker, 'subscribe'), ['u/alice/#', 'presence/bob']);
    await alice.presence.unwatch('bob');
    await broker.until(() => topicsOf(broker, 'unsubscribe').length === 1);
    assert.equal(alice.presence.of('bob'), undefined);
  }));

  test('a server that knows no session is asked again', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    await alice.presence.watch('bob');
    broker.sessions.clear();
    const heard = new Recorder(alice, 'connection');
    broker.dropAll();
    await heard.until((events) => events.at(-1)?.state === 'connected');
    await broker.until(() => topicsOf(broker, 'subscribe').length === 4);
    assert.deepEqual(topicsOf(broker, 'subscribe').slice(2), ['u/alice/#', 'presence/bob']);
  }));

  test('who may not be seen is NOT_ALLOWED; who is not watched any more is unsubscribed', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'presence');
    await alice.connect();
    broker.onSubscribe = (filter) => (filter === 'presence/carol' ? 128 : 1);
    await assert.rejects(alice.presence.watch('carol'), { code: Code.NOT_ALLOWED });
    await assert.rejects(alice.presence.watch('#'), { code: Code.MALFORMED });
    broker.session('alice').filters.add('presence/dave');
    tell(broker, 'dave', State.ONLINE, 1n);
    await broker.until(() => topicsOf(broker, 'unsubscribe').length === 1);
    assert.deepEqual(topicsOf(broker, 'unsubscribe'), ['presence/dave']);
    assert.deepEqual(heard.events, []);
  }));

  test('the own state is told, and told again after a reconnect; online needs no telling', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    alice.setPresence(State.ONLINE);
    alice.setPresence(State.AWAY);
    await alice.call('read.set', {});
    broker.cut('alice');
    await broker.until(() => broker.publishes('presence/alice').length === 2);
    alice.setPresence(State.ONLINE);
    await broker.until(() => broker.publishes('presence/alice').length === 3);
    const told = broker.publishes('presence/alice').map(({ payload, retain, qos }) => [fromBinary(PresenceSchema, payload as Buffer).state, retain, qos]);
    assert.deepEqual(told, [[State.AWAY, true, 1], [State.AWAY, true, 1], [State.ONLINE, true, 1]]);
  }));
});

describe('control calls', { timeout: 20_000 }, () => {
  test('request and response are those of the method', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    broker.onCall = (method, params) => {
      assert.equal(method, 'read.set');
      const { conversation, seq } = fromBinary(ReadSetRequestSchema, params);
      assert.equal(conversation, 'd:alice:bob');
      return { value: toBinary(ReadSetResponseSchema, create(ReadSetResponseSchema, { seq: seq - 1n })) };
    };
    assert.equal((await alice.call('read.set', { conversation: 'd:alice:bob', seq: 7n })).seq, 6n);
  }));

  test('a call whose answer was lost is repeated on the next connection under its call id', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const early = alice.call('read.set', {});
    await alice.connect();
    await early;
    broker.onCall = () => undefined;
    const lost = alice.call('read.set', {});
    await broker.until(() => broker.publishes('rpc/read.set').length === 2);
    broker.onCall = () => ({ value: new Uint8Array(0) });
    broker.cut('alice');
    await lost;
    const [, second, third] = broker.publishes('rpc/read.set').map(({ payload }) => payload.toString('hex'));
    assert.equal(second, third);
  }));

  test('refusals, by answer and by result, are errors with their code and time', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    broker.onCall = () => ({ error: { code: Code.RATE_LIMITED, text: 'slowly', retryAfterMs: 70 } });
    await assert.rejects(alice.call('read.set', {}), { name: 'GodwitError', code: Code.RATE_LIMITED, message: 'slowly', retryAfterMs: 70 });
    broker.onControl = () => ({ code: Code.NOT_ALLOWED });
    await assert.rejects(alice.call('admin.users.list', {}), { code: Code.NOT_ALLOWED });
  }));

  test('no answer in time, given up, closed, too many', scene(async (at) => {
    const broker = await at.broker();
    broker.onCall = () => undefined;
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    await assert.rejects(alice.call('read.set', {}, { timeoutMs: 10 }), { code: Code.UNAVAILABLE });
    const stop = new AbortController();
    const given = alice.call('read.set', {}, { signal: stop.signal });
    stop.abort();
    await assert.rejects(given, { name: 'AbortError' });
    await assert.rejects(alice.call('read.set', {}, { signal: stop.signal }), { name: 'AbortError' });
    const open = Array.from({ length: 256 }, () => alice.call('read.set', {}));
    await assert.rejects(alice.call('read.set', {}), { code: Code.LIMIT_REACHED });
    const ended = Promise.allSettled(open);
    await alice.close();
    assert.ok((await ended).every((one) => one.status === 'rejected' && one.reason.code === Code.UNAVAILABLE));
    await assert.rejects(alice.call('read.set', {}), { code: Code.UNAVAILABLE });
  }));
});
