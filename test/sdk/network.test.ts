import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Code, createClient, memoryStore, platformNetwork, State, type Client, type ClientOptions, type ConnectionState, type NetworkHints } from 'godwit-client';
import { fromBinary, PresenceSchema } from 'godwit-schemas';
import { FakeNet } from './fake-net.js';
import { FakeTime, settle } from './fake-time.js';
import { fakeToken, Recorder, scene, texts } from './fixtures.js';

/** A platform that says what it is told to. */
class Hints implements NetworkHints {
  online: boolean | undefined = true;
  readonly listeners = new Set<(online: boolean) => void>();

  listen(listener: (online: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  say(online: boolean): void {
    this.online = online;
    for (const listener of this.listeners) listener(online);
  }
}

interface Stage {
  readonly time: FakeTime;
  readonly net: FakeNet;
  readonly hints: Hints;
  readonly alice: Client;
  readonly heard: Recorder<'connection'>;
}

/** alice, with the timing that is the default, in a time and a network of the test's own. */
async function stage(t: TestContext, options: Partial<ClientOptions>, run: (at: Stage) => Promise<void>): Promise<void> {
  const [time, net, hints] = [new FakeTime(t), new FakeNet(), new Hints()];
  const alice = await createClient({
    ...{ url: 'ws://nowhere/mqtt', user: 'alice', device: 'phone', token: fakeToken({ sub: 'alice' }) },
    ...{ store: memoryStore(), transport: net.transport, network: hints, ...options },
  });
  const heard = new Recorder(alice, 'connection');
  try {
    await run({ time, net, hints, alice, heard });
  } finally {
    const closed = alice.close();
    await time.pass(2_000);
    await closed;
  }
}

const statesOf = ({ heard }: Stage): ConnectionState[] => heard.events.map(({ state }) => state);
const presences = ({ net }: Stage): State[] => net.publishes('presence/alice').map(({ payload }) => fromBinary(PresenceSchema, payload as Buffer).state);
/** Jitter is nearly the whole of the bound. */
const random = (bytes: Uint8Array): Uint8Array => bytes.fill(255);

describe('hints of the platform', { timeout: 20_000 }, () => {
  test('offline while it waits: not tried but at the longest backoff', (t) => stage(t, { random }, async ({ time, net, hints, alice, heard }) => {
    net.down = true;
    alice.connect();
    await time.pass(500);
    assert.equal(net.sockets.length, 1);
    hints.say(false);
    assert.equal(heard.events.at(-1)!.state, 'waiting');
    assert.ok(heard.events.at(-1)!.retryAtMs! - Date.now() > 119_000, 'told anew, with the time of the next try');
    await time.pass(119_000);
    assert.equal(net.sockets.length, 1, 'not while there is no network');
    await time.pass(1_500);
    assert.equal(net.sockets.length, 2, 'but the hint is not believed for ever');
    await time.pass(119_000);
    assert.equal(net.sockets.length, 2);
    net.down = false;
    await time.pass(1_500);
    assert.equal(alice.connection, 'connected', 'it is connected, whatever the platform says');
  }));

  test('online: tried at once, and the backoff starts anew', (t) => stage(t, { random }, async ({ time, net, hints, alice }) => {
    net.down = true;
    alice.connect();
    await time.pass(270_000);
    const before = net.sockets.length;
    await time.pass(60_000);
    assert.equal(net.sockets.length, before, 'the backoff is long by now');
    hints.say(true);
    await time.pass(900);
    assert.equal(net.sockets.length, before, 'jitter: not everyone in the same moment');
    await time.pass(200);
    assert.equal(net.sockets.length, before + 1, 'within a second');
    await time.pass(2_100);
    assert.equal(net.sockets.length, before + 2, 'and then after two');
    for (let i = 0; i < 8; i++) {
      hints.say(true);
      await time.pass(500);
    }
    assert.ok(net.sockets.length > before + 2, 'a platform that cannot stop telling does not keep it from trying');
  }));

  test('offline, or online, while connected: asked at once whether it is alive; alive stays', (t) => stage(t, {}, async (at) => {
    const { time, net, hints, alice } = at;
    alice.connect();
    await settle();
    for (const online of [false, true]) {
      const before = net.packets.length;
      hints.say(online);
      hints.say(online);
      await settle();
      assert.deepEqual(net.since(before), ['1:pingreq']);
      await time.pass(15_000);
    }
    assert.deepEqual(statesOf(at), ['connecting', 'connected']);
    assert.equal(net.connects.length, 1);
  }));

  test('offline while connected: a dead connection is given up within pingTimeoutMs', (t) => stage(t, {}, async (at) => {
    const { time, net, hints, alice } = at;
    alice.connect();
    await settle();
    net.dead = true;
    hints.say(false);
    await time.pass(4_900);
    assert.deepEqual(statesOf(at), ['connecting', 'connected']);
    await time.pass(200);
    assert.deepEqual(statesOf(at), ['connecting', 'connected', 'waiting']);
    assert.match(at.heard.events.at(-1)!.error!.message, /dead/);
    net.dead = false;
    hints.say(true);
    await time.pass(1_000);
    assert.equal(alice.connection, 'connected');
  }));

  test('nobody listens any more once it is closed, or before it is asked to connect', (t) => stage(t, {}, async ({ time, hints, alice }) => {
    assert.equal(hints.listeners.size, 0);
    alice.connect();
    await settle();
    assert.equal(hints.listeners.size, 1);
    const closed = alice.close();
    await time.pass(2_000);
    await closed;
    assert.equal(hints.listeners.size, 0);
  }));

  test("a browser's events are hints; Node gives none", () => {
    const platform = Object.assign(new EventTarget(), { navigator: { onLine: true } });
    const hints = platformNetwork(platform)!;
    const heard: boolean[] = [];
    const stop = hints.listen((online) => heard.push(online));
    platform.navigator.onLine = false;
    platform.dispatchEvent(new Event('offline'));
    assert.equal(hints.online, false);
    platform.dispatchEvent(new Event('online'));
    stop();
    platform.dispatchEvent(new Event('online'));
    assert.deepEqual(heard, [false, true]);
    assert.equal(platformNetwork(), undefined);
  });
});

describe('a connection that died without a word', { timeout: 20_000 }, () => {
  test('is noticed within 10 s while a message waits, in front', (t) => stage(t, { random }, async (at) => {
    const { time, net, alice } = at;
    alice.connect();
    await time.pass(20_000);
    net.dead = true;
    alice.send('bob', 'hello');
    await settle();
    await time.pass(9_900);
    assert.deepEqual(statesOf(at), ['connecting', 'connected']);
    await time.pass(200);
    assert.deepEqual(statesOf(at), ['connecting', 'connected', 'waiting']);
    net.dead = false;
    await time.pass(2_000);
    assert.equal(net.publishes('to/bob').length, 1, 'and goes out on the next one');
  }));
});

describe('background', { timeout: 20_000 }, () => {
  test('AWAY, told once, on a connection with a long keepalive; then nothing for ten minutes', (t) => stage(t, {}, async (at) => {
    const { time, net, alice } = at;
    alice.connect();
    await settle();
    await time.pass(45_000);
    assert.equal(net.since(0).filter((sent) => sent === '1:pingreq').length, 1, 'in front it pings: so would be seen here what is sent');
    const before = net.packets.length;
    await alice.background();
    await settle();
    assert.deepEqual(net.since(before), ['2:connect', '2:publish']);
    assert.deepEqual(net.connects.map(({ keepalive }) => keepalive), [30, 600]);
    assert.deepEqual(presences(at), [State.AWAY]);
    const quiet = net.packets.length;
    await time.pass(595_000);
    assert.deepEqual(net.since(quiet), []);
    await time.pass(10_000);
    assert.deepEqual(net.since(quiet), ['2:pingreq']);
    assert.deepEqual(statesOf(at), ['connecting', 'connected'], 'the app sees nothing of it');
    assert.equal(net.sockets[0].readyState, 3, 'the old connection is not left open');
  }));

  test('foreground: asked at once whether it is alive, ONLINE, and the short keepalive again', (t) => stage(t, {}, async (at) => {
    const { net, alice } = at;
    alice.connect();
    await settle();
    await alice.background();
    const before = net.packets.length;
    alice.foreground();
    await settle();
    assert.deepEqual(net.since(before), ['2:pingreq', '2:publish', '3:connect']);
    assert.deepEqual(net.connects.map(({ keepalive }) => keepalive), [30, 600, 30]);
    assert.deepEqual(presences(at), [State.AWAY, State.ONLINE]);
    assert.deepEqual(statesOf(at), ['connecting', 'connected']);
  }));

  test('foreground on a dead connection: given up within pingTimeoutMs', (t) => stage(t, {}, async (at) => {
    const { time, net, alice } = at;
    alice.connect();
    await settle();
    await alice.background();
    net.dead = true;
    alice.foreground();
    await time.pass(4_900);
    assert.equal(alice.connection, 'connected');
    await time.pass(200);
    assert.equal(alice.connection, 'connecting', 'the next one is on its way already');
    net.dead = false;
    await time.pass(7_000);
    assert.equal(alice.connection, 'connected');
    assert.equal(net.connects.at(-1)!.keepalive, 30);
  }));

  test('without a network: tried on, with the long keepalive; foreground tries at once', (t) => stage(t, { random }, async (at) => {
    const { time, net, alice } = at;
    alice.connect();
    await settle();
    net.down = true;
    await alice.background();
    assert.equal(alice.connection, 'waiting');
    net.down = false;
    await time.pass(1_100);
    await settle();
    assert.deepEqual(net.connects.map(({ keepalive }) => keepalive), [30, 600]);
    assert.deepEqual(presences(at), [State.AWAY]);
    net.down = true;
    net.sockets.at(-1)!.end();
    await time.pass(240_000);
    assert.equal(alice.connection, 'waiting');
    net.down = false;
    alice.foreground();
    await settle();
    assert.equal(alice.connection, 'connected');
    assert.equal(net.connects.at(-1)!.keepalive, 30);
  }));

  test('back in front before it was done: the connection stays as it was', (t) => stage(t, {}, async (at) => {
    const { net, alice } = at;
    alice.connect();
    await settle();
    const resting = alice.background();
    alice.foreground();
    await resting;
    await settle();
    assert.equal(net.connects.length, 1);
    assert.deepEqual(statesOf(at), ['connecting', 'connected']);
    assert.equal(presences(at).includes(State.AWAY), false);
  }));

  test('back in front when the server has already accepted the other connection: connected, not taken over', (t) => stage(t, {}, async (at) => {
    const { net, alice } = at;
    alice.connect();
    await settle();
    net.accepted = [];
    const resting = alice.background();
    await settle();
    alice.foreground();
    for (const tell of net.accepted) tell();
    net.accepted = undefined;
    await resting;
    await settle();
    assert.equal(alice.connection, 'connected');
    assert.deepEqual(net.connects.map(({ keepalive }) => keepalive), [30, 600, 30]);
  }));

  test('close: says goodbye, keeps what is sent, and foreground connects at once', (t) => stage(t, {}, async (at) => {
    const { time, net, alice } = at;
    alice.connect();
    await settle();
    const before = net.packets.length;
    const closed = alice.background({ close: true });
    await time.pass(2_000);
    await closed;
    assert.deepEqual(net.since(before), ['1:disconnect']);
    assert.equal(alice.connection, 'idle');
    alice.send('bob', 'from the share sheet');
    await time.pass(600_000);
    assert.equal(net.sockets.length, 1, 'nothing is tried');
    alice.foreground();
    await time.pass(100);
    assert.equal(net.publishes('to/bob').length, 1);
    assert.deepEqual(statesOf(at), ['connecting', 'connected', 'idle', 'connecting', 'connected']);
  }));

  test('close, and a push: connect stays in background', (t) => stage(t, {}, async (at) => {
    const { time, net, alice } = at;
    alice.connect();
    await settle();
    const closed = alice.background({ close: true });
    await time.pass(2_000);
    await closed;
    await alice.connect();
    await settle();
    assert.equal(net.connects.at(-1)!.keepalive, 600);
    assert.deepEqual(presences(at), [State.AWAY]);
    const again = alice.background({ close: true });
    await time.pass(2_000);
    await again;
    assert.equal(alice.connection, 'idle');
  }));

  test('an app that was never asked to connect, or is signed out or taken over, is not connected by foreground', (t) => stage(t, {}, async (at) => {
    const { time, net, alice } = at;
    await alice.background();
    alice.foreground();
    await time.pass(5_000);
    assert.equal(net.sockets.length, 0);
    alice.connect();
    await settle();
    const other = await createClient({ url: 'ws://nowhere/mqtt', user: 'alice', device: 'phone', token: 'x', store: memoryStore(), transport: net.transport });
    other.connect();
    await settle();
    assert.equal(alice.connection, 'taken-over');
    await alice.background({ close: true });
    alice.foreground();
    await time.pass(5_000);
    assert.equal(alice.connection, 'taken-over');
    const closed = other.close();
    await time.pass(2_000);
    await closed;
  }));

  test("what the app says of itself goes before: who is not shown online is not shown away", (t) => stage(t, {}, async (at) => {
    const { net, alice } = at;
    alice.connect();
    await settle();
    alice.setPresence(State.OFFLINE);
    await alice.background();
    alice.foreground();
    await settle();
    assert.deepEqual(presences(at), [State.OFFLINE, State.OFFLINE, State.OFFLINE], 'told anew on each connection');
    assert.equal(net.connects.length, 3);
  }));

  test('a keepalive that a phone should not have is MALFORMED; a closed client says so', (t) => stage(t, {}, async ({ time, alice }) => {
    for (const backgroundKeepaliveS of [299, 901, Number.NaN]) {
      const options = { url: 'ws://x', user: 'alice', token: 'x', store: memoryStore(), timing: { backgroundKeepaliveS } };
      await assert.rejects(createClient(options), { code: Code.MALFORMED });
    }
    const closed = alice.close();
    await time.pass(2_000);
    await closed;
    await assert.rejects(alice.background(), { code: Code.UNAVAILABLE });
    assert.throws(() => alice.foreground(), { code: Code.UNAVAILABLE });
  }));

  test('messages both ways while the app comes and goes: in order, once, nothing lost', scene(async (at) => {
    const broker = await at.broker();
    const [alice, bob] = [await at.client(broker, 'alice'), await at.client(broker, 'bob')];
    const [heardByAlice, heardByBob] = [new Recorder(alice, 'message'), new Recorder(bob, 'message')];
    const states = new Recorder(alice, 'connection');
    await Promise.all([alice.connect(), bob.connect()]);
    const expected: string[] = [];
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 5; i++) {
        expected.push(`${round}.${i}`);
        alice.send('bob', expected.at(-1)!);
        bob.send('alice', expected.at(-1)!);
      }
      if (round % 2 === 0) await alice.background();
      else {
        alice.foreground();
        await heardByAlice.until(expected.length);
      }
    }
    await Promise.all([heardByAlice.until(expected.length), heardByBob.until(expected.length)]);
    assert.deepEqual(texts(heardByAlice.events), expected);
    assert.deepEqual(texts(heardByBob.events), expected);
    assert.ok(broker.connects.length >= 11, 'each time with another connection');
    assert.equal(states.events.some(({ state }) => state === 'taken-over' || state === 'waiting'), false);
  }));
});

describe('two devices of one id, by mistake', { timeout: 20_000 }, () => {
  test('the first is taken over, says so, and does not come back: no loop', (t) => stage(t, {}, async (at) => {
    const { time, net, alice, heard } = at;
    alice.connect();
    await settle();
    const other = await createClient({ url: 'ws://nowhere/mqtt', user: 'alice', device: 'phone', token: 'x', store: memoryStore(), transport: net.transport });
    other.connect();
    await settle();
    assert.deepEqual(statesOf(at), ['connecting', 'connected', 'taken-over']);
    assert.equal((heard.events.at(-1)!.error as { code?: Code }).code, Code.TAKEN_OVER);
    await time.pass(900_000);
    assert.equal(net.connects.length, 2);
    assert.equal(other.connection, 'connected');
    const closed = other.close();
    await time.pass(2_000);
    await closed;
  }));
});
