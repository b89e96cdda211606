import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, createClient, memoryStore, platformNetwork } from 'godwit-client';
import { settle } from './fake-time.js';
import { random, stage, statesOf } from './stage.js';

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
