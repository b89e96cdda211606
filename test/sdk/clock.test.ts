import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memoryStore } from 'godwit-client';
import { hour, kept, minute, off, say, shown, world, type World } from './clock-world.js';
import { settle } from './fake-time.js';
import { fakeToken, lasting, Recorder, turnsUntil } from './fixtures.js';

describe("the server's clock", { timeout: 20_000 }, () => {
  test('is known from the result of an own message, and kept over a restart', (t) => world(t, hour, async (here) => {
    const store = memoryStore();
    const first = await here.client({ store: lasting(store) });
    assert.equal(off(here, first), hour, 'nothing is known yet');
    await first.connect();
    await first.send('bob', 'hello').until('sent');
    assert.ok(off(here, first) <= 1);
    await first.close();
    const second = await here.client({ store });
    assert.ok(off(here, second) <= 1);
  }));

  test('the tightest answer counts; a slow one does not spoil it', (t) => world(t, hour, async (here) => {
    const alice = await here.client();
    await alice.connect();
    await alice.send('bob', 'quick').until('sent');
    here.broker.answers = () => false;
    const slow = alice.send('bob', 'slow');
    await turnsUntil(() => here.broker.messages().length === 2);
    await here.time.pass(2_000);
    const { message, seq, sentAtMs } = here.broker.log.entries('d:alice:bob')[1];
    here.broker.result('alice', { id: message.id, seq: BigInt(seq), sentAtMs: BigInt(sentAtMs) });
    await slow.until('sent');
    assert.ok(off(here, alice) <= 2, `${off(here, alice)} ms`);
  }));

  test('the result of a resend tells the time of the first one: not believed', (t) => world(t, 0, async (here) => {
    const store = memoryStore();
    const first = await here.client({ store: lasting(store) });
    await first.connect();
    await first.send('bob', 'one').until('sent');
    here.broker.answers = () => false;
    first.send('bob', 'two');
    await turnsUntil(() => here.broker.messages().length === 2);
    await first.close();
    here.slept = hour;
    here.broker.answers = () => true;
    const second = await here.client({ store });
    const states = new Recorder(second, 'state');
    await second.connect();
    await states.until((events) => events.some(({ state }) => state === 'sent'));
    assert.ok(off(here, second) <= 1);
  }));

  test('a local clock that jumps, either way, is not followed backwards, and is found out by the next answer', (t) => world(t, 0, async (here) => {
    const alice = await here.client();
    await alice.connect();
    await alice.send('bob', 'one').until('sent');
    here.wrongBy = -hour;
    assert.ok(off(here, alice) <= 1, 'time does not go back');
    here.wrongBy = 2 * hour;
    await alice.send('bob', 'two').until('sent');
    assert.ok(off(here, alice) <= 1);
  }));

  test('a device that slept: its local clock is followed, and the next answer corrects what stood still', (t) => world(t, minute, async (here) => {
    const alice = await here.client();
    await alice.connect();
    await alice.send('bob', 'good night').until('sent');
    here.slept = 8 * hour;
    assert.ok(off(here, alice) <= 1);
    await alice.send('bob', 'good morning').until('sent');
    here.wrongBy = 0;
    assert.ok(off(here, alice) <= 1, 'the monotonic clock has it by now: this one was set back by a minute');
  }));
});

describe('what disappears', { timeout: 20_000 }, () => {
  for (const wrongBy of [hour, -hour]) {
    test(`goes at its time by the server's clock, on a device that is an hour ${wrongBy > 0 ? 'fast' : 'slow'} and was never told so`, (t) => world(t, wrongBy, async (here) => {
      const store = memoryStore();
      const alice = await here.client({ store });
      const heard = new Recorder(alice, 'message');
      await alice.connect();
      say(here, 'soon gone', 600);
      await heard.until(1);
      await here.time.pass(50);
      await turnsUntil(() => here.renewed.length === 1);
      await settle();
      await here.time.pass(9 * minute);
      assert.equal(await kept(store), 1, 'not early');
      assert.deepEqual(await shown(alice), ['soon gone']);
      await here.time.pass(2 * minute);
      assert.equal(await kept(store), 0, 'not late');
      assert.equal(here.renewed.length, 1, 'asked once');
    }));
  }

  test('is not deleted by a local clock that is set forward, nor kept by one that is set back', (t) => world(t, 0, async (here) => {
    const store = memoryStore();
    const alice = await here.client({ store });
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    await alice.send('bob', 'hello').until('sent');
    say(here, 'one', 600);
    say(here, 'two', 1_200);
    await heard.until(2);
    here.wrongBy = hour;
    await shown(alice);
    await here.time.pass(50);
    await turnsUntil(() => here.renewed.length === 1);
    await turnsUntil(() => off(here, alice) <= 1);
    assert.deepEqual(await shown(alice), ['hello', 'one', 'two'], 'what was hidden for a moment is there');
    here.wrongBy = -hour;
    await here.time.pass(9 * minute);
    assert.equal(await kept(store), 3);
    await here.time.pass(2 * minute);
    assert.equal(await kept(store), 2);
    await here.time.pass(10 * minute);
    assert.equal(await kept(store), 1);
  }));

  test('is deleted after a sleep as soon as the server has told its time', (t) => world(t, 0, async (here) => {
    const store = memoryStore();
    const alice = await here.client({ store });
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    await alice.send('bob', 'hello').until('sent');
    say(here, 'soon gone', 600);
    await heard.until(1);
    here.slept = 8 * hour;
    assert.deepEqual(await shown(alice), ['hello'], 'hidden at once');
    here.broker.cut('alice');
    const connected = alice.connect();
    await here.time.pass(1_000);
    await connected;
    await turnsUntil(() => here.renewed.length > 0);
    await here.time.pass(1_000);
    assert.equal(await kept(store), 1);
  }));

  test("is the last message of its conversation until its time by the server's clock", (t) => world(t, hour, async (here) => {
    const alice = await here.client();
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    await alice.send('bob', 'stays').until('sent');
    say(here, 'soon gone', 600);
    await heard.until(1);
    const last = async (): Promise<string | undefined> => (await alice.conversations())[0].last?.text;
    await here.time.pass(9 * minute);
    assert.equal(await last(), 'soon gone');
    await here.time.pass(2 * minute);
    assert.equal(await last(), 'stays');
  }));

  for (const wrongBy of [hour, -hour]) {
    test(`takes a reaction to it along at its time, on a device that is an hour ${wrongBy > 0 ? 'fast' : 'slow'}`, (t) => world(t, wrongBy, async (here) => {
      const alice = await here.client();
      const heard = new Recorder(alice, 'message');
      await alice.connect();
      await alice.send('bob', 'hello').until('sent');
      say(here, 'soon gone', 600);
      const [message] = await heard.until(1);
      await here.time.pass(minute);
      await alice.react(message, '👍').until('sent');
      const { expiresInS } = here.broker.log.entries('d:alice:bob')[2].message;
      assert.ok(Math.abs(expiresInS - 540) <= 1, `${expiresInS} s`);
    }));
  }

  test('is not deleted at a start by a clock that is known to be wrong', (t) => world(t, hour, async (here) => {
    const store = memoryStore();
    const first = await here.client({ store: lasting(store) });
    const heard = new Recorder(first, 'message');
    await first.connect();
    await first.send('bob', 'hello').until('sent');
    say(here, 'soon gone', 600);
    await heard.until(1);
    await first.close();
    const second = await here.client({ store });
    assert.deepEqual(await shown(second), ['hello', 'soon gone']);
    await here.time.pass(11 * minute);
    assert.equal(await kept(store), 1);
  }));
});

describe('tokens', { timeout: 20_000 }, () => {
  const lives = (here: World): { token: () => string; asked: number[] } => {
    const asked: number[] = [];
    const token = (): string => {
      asked.push(here.serverMs());
      const iat = Math.floor(here.serverMs() / 1_000);
      return fakeToken({ sub: 'alice', jti: asked.length, iat, exp: iat + 3_600 });
    };
    return { token, asked };
  };

  for (const wrongBy of [2 * hour, -2 * hour]) {
    test(`are renewed in time by the server's clock, on a device that is two hours ${wrongBy > 0 ? 'fast' : 'slow'}`, (t) => world(t, wrongBy, async (here) => {
      const { token, asked } = lives(here);
      const alice = await here.client({ token });
      await alice.connect();
      await turnsUntil(() => off(here, alice) <= 1);
      await here.time.pass(10_000);
      const early = here.renewed.length;
      assert.equal(early, 1, 'the server was asked for its time, once');
      assert.equal(asked.length, 1);
      const from = asked.at(-1)!;
      await here.time.pass(58 * minute);
      assert.equal(here.renewed.length, early);
      await here.time.pass(minute + 2_000);
      assert.equal(here.renewed.length, early + 1);
      const life = asked.at(-1)! - from;
      assert.ok(Math.abs(life - 59 * minute) <= 15_000, `${life} ms`);
      assert.equal(here.broker.connects.length, 1);
    }));
  }

  test('are not renewed in a loop where the server does not tell its time', (t) => world(t, 2 * hour, async (here) => {
    let calls = 0;
    here.broker.onCall = () => (calls++, { value: new Uint8Array(0) });
    const alice = await here.client({ token: lives(here).token });
    await alice.connect();
    await here.time.pass(29_000);
    assert.ok(calls >= 2 && calls <= 8, `${calls} renewals`);
  }));

  test('a clock that jumps does not move a renewal that is planned', (t) => world(t, 0, async (here) => {
    const { token, asked } = lives(here);
    const alice = await here.client({ token });
    await alice.connect();
    here.wrongBy = 5 * hour;
    await here.time.pass(58 * minute);
    assert.equal(asked.length, 1);
    await here.time.pass(2 * minute);
    assert.equal(asked.length, 2);
    await here.time.pass(50 * minute);
    assert.equal(asked.length, 2);
  }));
});

describe('timers', { timeout: 20_000 }, () => {
  for (const jump of [hour, -hour]) {
    test(`a clock set ${jump > 0 ? 'forward' : 'back'} by an hour does not move the next try to connect`, (t) => world(t, 0, async (here) => {
      const alice = await here.client({ random: (bytes) => bytes.fill(255), timing: { backoffMinMs: 60_000, backoffMaxMs: 60_000 } });
      await alice.connect();
      const heard = new Recorder(alice, 'connection');
      here.broker.cut('alice');
      await heard.until(1);
      here.wrongBy = jump;
      await here.time.pass(58_000);
      assert.equal(here.broker.connects.length, 1);
      await here.time.pass(3_000);
      await heard.until((events) => events.at(-1)!.state === 'connected');
    }));
  }
});
