import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, createClient, memoryStore, type ConnectionState } from 'godwit-client';
import { AuthRenewRequestSchema, fromBinary } from 'godwit-schemas';
import { FakeBroker } from './fake-broker.js';
import { fakeToken, lasting, quick, Recorder, scene } from './fixtures.js';

const statesOf = (heard: Recorder<'connection'>): ConnectionState[] => heard.events.map(({ state }) => state);

describe('the link', { timeout: 20_000 }, () => {
  test('the first connection subscribes once; a reconnect is one round trip', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'connection');
    await alice.connect();
    broker.cut('alice');
    await heard.until((events) => events.filter(({ state }) => state === 'connected').length === 2);
    await alice.call('read.set', {});
    const subscribes = broker.received.flatMap(({ packet }) => (packet.cmd === 'subscribe' ? packet.subscriptions : []));
    assert.deepEqual(subscribes.map(({ topic, qos }) => [topic, qos]), [['u/alice/#', 1]]);
    const [connect] = broker.connects;
    assert.equal(connect.clientId, `alice:${alice.device}`);
    assert.equal(connect.username, 'alice');
    assert.equal(connect.clean, false);
    assert.equal(connect.keepalive, 30);
    assert.equal(connect.will?.topic, 'presence/alice');
    assert.equal(connect.will?.retain, true);
    assert.equal(connect.will?.payload.length, 0);
    const second = broker.received.filter(({ connection }) => connection === 2).map(({ packet }) => packet.cmd);
    assert.deepEqual(second, ['connect', 'publish'], 'nothing but the call');
  }));

  test('states: connecting, connected, waiting with the time of the next try, closed', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'connection');
    assert.equal(alice.connection, 'idle');
    await alice.connect();
    broker.cut('alice');
    await heard.until(5);
    await alice.close();
    assert.deepEqual(statesOf(heard), ['connecting', 'connected', 'waiting', 'connecting', 'connected', 'closed']);
    assert.ok(heard.events[2].retryAtMs! > 0 && heard.events[2].error);
    await assert.rejects(alice.connect(), { code: Code.UNAVAILABLE });
    const { packet } = broker.received.at(-1)!;
    assert.equal(packet.cmd, 'disconnect');
  }));

  test('a server that is not there yet: connect resolves when it is', scene(async (at) => {
    const gone = await FakeBroker.start();
    const { port, url } = gone;
    await gone.stop();
    const alice = await at.client({ url }, 'alice');
    const heard = new Recorder(alice, 'connection');
    const connected = alice.connect();
    await heard.until((events) => events.filter(({ state }) => state === 'waiting').length === 2);
    const broker = await FakeBroker.start(port);
    at.after(() => broker.stop());
    await connected;
    assert.equal(alice.connection, 'connected');
  }));

  test('giving up waiting for the connection does not stop it; closing does', scene(async (at) => {
    const gone = await FakeBroker.start();
    const { url } = gone;
    await gone.stop();
    const alice = await at.client({ url }, 'alice');
    const stop = new AbortController();
    const waiting = alice.connect({ signal: stop.signal });
    stop.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    const second = alice.connect();
    await alice.close();
    await assert.rejects(second, { code: Code.UNAVAILABLE });
  }));

  test('TAKEN_OVER is shown, not fought; connect takes it back', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'connection');
    await alice.connect();
    broker.result('alice', { code: Code.TAKEN_OVER, text: 'elsewhere' });
    broker.cut('alice');
    await heard.until((events) => events.at(-1)!.state === 'taken-over');
    assert.equal((heard.events.at(-1)!.error as { code?: Code }).code, Code.TAKEN_OVER);
    // Longer than any backoff of this client: it stays away.
    await new Promise((resolve) => setTimeout(resolve, 3 * quick.backoffMaxMs!));
    assert.equal(broker.connects.length, 1);
    await alice.connect();
    assert.equal(broker.connects.length, 2);
  }));

  test('a refused token: the function is asked once more, then signed out', scene(async (at) => {
    const broker = await at.broker();
    let asked = 0;
    const good = fakeToken({ sub: 'alice', jti: 'good' });
    const token = async (): Promise<string> => (++asked === 2 ? good : fakeToken({ sub: 'alice', jti: `${asked}` }));
    broker.onConnect = ({ password }) => (password!.toString() === good ? 0 : 5);
    const alice = await at.client(broker, 'alice', { token, timing: { stableMs: 0 } });
    await alice.connect();
    assert.equal(asked, 2);
    broker.onConnect = () => 5;
    broker.cut('alice');
    const heard = new Recorder(alice, 'connection');
    await heard.until((events) => events.at(-1)?.state === 'signed-out');
    assert.equal(asked, 3, 'the good token was refused, then the third one');
    assert.equal((heard.events.at(-1)!.error as { code?: Code }).code, Code.UNAUTHENTICATED);
    const refused = alice.connect();
    await assert.rejects(refused, { code: Code.UNAUTHENTICATED });
    broker.onConnect = () => 0;
    await alice.connect();
  }));

  test('REVOKED and UNAUTHENTICATED on a connection ask for another token', scene(async (at) => {
    const broker = await at.broker();
    let asked = 0;
    const alice = await at.client(broker, 'alice', { token: () => fakeToken({ sub: 'alice', jti: `${++asked}` }) });
    const heard = new Recorder(alice, 'connection');
    await alice.connect();
    broker.result('alice', { code: Code.UNAUTHENTICATED });
    broker.cut('alice');
    await heard.until((events) => events.filter(({ state }) => state === 'connected').length === 2);
    assert.equal(asked, 2);
    broker.result('alice', { code: Code.REVOKED });
    broker.cut('alice');
    await heard.until((events) => events.at(-1)!.state === 'signed-out');
    assert.equal(broker.connects.length, 2);
  }));

  test('SHUTTING_DOWN and CONNACK 3: it comes back by itself', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'connection');
    let busy = 2;
    broker.onConnect = () => (busy-- > 0 ? 3 : 0);
    await alice.connect();
    broker.result('alice', { code: Code.SHUTTING_DOWN });
    broker.cut('alice');
    await heard.until((events) => events.filter(({ state }) => state === 'connected').length === 2);
    assert.deepEqual(statesOf(heard).filter((state) => state !== 'connecting'), ['waiting', 'waiting', 'connected', 'waiting', 'connected']);
  }));

  test('an identifier that the server rejects: no loop', scene(async (at) => {
    const broker = await at.broker();
    broker.onConnect = () => 2;
    const alice = await at.client(broker, 'alice');
    await assert.rejects(alice.connect(), { code: Code.MALFORMED });
    assert.equal(alice.connection, 'signed-out');
  }));

  test('a token function that fails: tried again', scene(async (at) => {
    const broker = await at.broker();
    let asked = 0;
    const alice = await at.client(broker, 'alice', {
      token: async () => {
        if (++asked < 3) throw new Error('no network');
        return fakeToken({ sub: 'alice' });
      },
    });
    await alice.connect();
    assert.equal(asked, 3);
  }));

  test('a token function that does not answer: tried again', scene(async (at) => {
    const broker = await at.broker();
    let asked = 0;
    const token = (): Promise<string> => (++asked === 1 ? new Promise(() => {}) : Promise.resolve(fakeToken({ sub: 'alice' })));
    const alice = await at.client(broker, 'alice', { token, timing: { tokenTimeoutMs: 10 } });
    await alice.connect();
    assert.equal(asked, 2);
  }));

  test('the token is renewed before it expires, and the connection stays', scene(async (at) => {
    const broker = await at.broker();
    const now = Math.floor(Date.now() / 1_000);
    let asked = 0;
    const token = (): string => fakeToken({ sub: 'alice', jti: ++asked, exp: now + 60 * asked });
    const renewed: string[] = [];
    broker.onCall = (method, params) => {
      assert.equal(method, 'auth.renew');
      renewed.push(fromBinary(AuthRenewRequestSchema, params).token);
      return { value: new Uint8Array(0) };
    };
    const alice = await at.client(broker, 'alice', { token, timing: { renewBeforeMs: 59_000 } });
    await alice.connect();
    await broker.until(() => renewed.length === 2);
    assert.equal(asked, 2);
    // The first is the one at hand: its answer tells the server's time.
    assert.deepEqual(renewed, [fakeToken({ sub: 'alice', jti: 1, exp: now + 60 }), fakeToken({ sub: 'alice', jti: 2, exp: now + 120 })]);
    assert.equal(broker.connects.length, 1);
  }));

  test('a dead connection is noticed by a ping while something waits for an answer', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice', { timing: { quietMs: 20, pingTimeoutMs: 20 } });
    const heard = new Recorder(alice, 'connection');
    await alice.connect();
    broker.answers = () => false;
    broker.answersPings = false;
    const sent = alice.send('bob', 'hello');
    await heard.until((events) => events.some(({ state }) => state === 'waiting'));
    assert.match(heard.events.find(({ state }) => state === 'waiting')!.error!.message, /dead/);
    assert.equal(broker.received.filter(({ packet }) => packet.cmd === 'pingreq').length, 1);
    broker.answers = () => true;
    broker.answersPings = true;
    await sent.until('sent');
  }));

  test('a server that is slow but answers pings is not cut off', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice', { timing: { quietMs: 20, pingTimeoutMs: 1_000 } });
    await alice.connect();
    broker.answers = () => false;
    alice.send('bob', 'hello');
    await broker.until(() => broker.received.filter(({ packet }) => packet.cmd === 'pingreq').length === 3);
    assert.equal(broker.connects.length, 1);
  }));

  test('a store belongs to one user and device; the user may come from the token', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const first = await createClient({ url: broker.url, token: fakeToken({ sub: 'alice' }), store: lasting(store) });
    assert.equal(first.user, 'alice');
    assert.match(first.device, /^[0-9a-z]{16}$/);
    await first.close();
    const again = await createClient({ url: broker.url, token: 'x', store: lasting(store) });
    assert.deepEqual([again.user, again.device], ['alice', first.device]);
    await again.close();
    const options = { url: broker.url, token: fakeToken({ sub: 'alice' }), store };
    await assert.rejects(createClient({ ...options, user: 'bob' }), { code: Code.CONFLICT });
    await assert.rejects(createClient({ ...options, device: 'phone' }), { code: Code.CONFLICT });
    await assert.rejects(createClient({ ...options, device: 'a/b' }), { code: Code.MALFORMED });
    await assert.rejects(createClient({ ...options, url: 'http://x' }), { code: Code.MALFORMED });
    await assert.rejects(createClient({ ...options, store: memoryStore(), token: 'not a token' }), { code: Code.UNAUTHENTICATED });
    const other = await createClient({ url: broker.url, token: fakeToken({ sub: 'alice' }), store: memoryStore() });
    assert.notEqual(other.device, first.device, 'store lost = new device');
    await other.close();
  }));
});
