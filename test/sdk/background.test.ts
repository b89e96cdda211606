import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, createClient, memoryStore, State } from 'godwit-client';
import { settle } from './fake-time.js';
import { Recorder, scene, texts } from './fixtures.js';
import { presences, random, stage, statesOf } from './stage.js';

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
