import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memoryStore, type ClientEvent } from 'godwit-client';
import { createUlid } from 'godwit-schemas';
import type { FakeBroker } from './fake-broker.js';
import { gate, lasting, Recorder, scene, texts } from './fixtures.js';

const newId = createUlid();
const say = (broker: FakeBroker, text: string): number => broker.say('bob', 'alice', { id: newId(), body: Buffer.from(text), flags: 2 });

describe('streams of events', { timeout: 20_000 }, () => {
  test('events in order, of the types asked for, until the loop is left', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard: ClientEvent[] = [];
    const all = alice[Symbol.asyncIterator]();
    await alice.connect();
    assert.deepEqual((await all.next()).value?.type, 'connection');
    await all.return!();
    assert.deepEqual(await all.next(), { value: undefined, done: true });
    const stream = alice.stream(['message', 'gap']);
    for (const text of ['one', 'two', 'three']) say(broker, text);
    for await (const event of stream) if (heard.push(event) === 2) break;
    assert.deepEqual(texts(heard), ['one', 'two']);
  }));

  test('a signal ends a stream, also while it waits; closing the client too', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const stop = new AbortController();
    const waiting = alice.stream(['message'], { signal: stop.signal }).next();
    stop.abort();
    assert.deepEqual(await waiting, { value: undefined, done: true });
    assert.deepEqual(await alice.stream(['message'], { signal: stop.signal }).next(), { value: undefined, done: true });
    const other = alice.stream(['message']).next();
    await alice.close();
    assert.deepEqual(await other, { value: undefined, done: true });
  }));

  test('a full stream holds back messages and their PUBACKs, not results: the app may wait for one', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const stream = alice.stream(['message']);
    await alice.connect();
    for (let i = 0; i < 1_500; i++) say(broker, `${i}`);
    await broker.until(() => broker.pubacks().length >= 1_000);
    await alice.send('bob', 'hello').until('sent');
    const held = broker.pubacks().length;
    assert.ok(held < 1_500, `${held} acknowledged while the stream is full`);
    const heard: ClientEvent[] = [];
    for await (const event of stream) if (heard.push(event) === 1_500) break;
    assert.deepEqual(texts(heard), Array.from({ length: 1_500 }, (_, i) => `${i}`));
    await broker.until(() => broker.pubacks().length === 1_500);
  }));

  test('a listener that throws is not swallowed, and does not stop the others', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const faults: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => faults.push(error));
    at.after(() => {
      process.removeAllListeners('uncaughtException');
      for (const listener of before) process.on('uncaughtException', listener);
    });
    const stop = alice.on('message', () => {
      throw new Error('the app has a bug');
    });
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    say(broker, 'one');
    await heard.until(1);
    stop();
    say(broker, 'two');
    await heard.until(2);
    assert.deepEqual(faults.map((error) => (error as Error).message), ['the app has a bug']);
  }));
});

describe('what the app has dealt with', { timeout: 20_000 }, () => {
  test('is not handed over again after a restart; what it has not, is', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const first = await at.client(broker, 'alice', { store: lasting(store) });
    const stream = first.stream(['message', 'gap']);
    await first.connect();
    for (const text of ['one', 'two', 'three']) say(broker, text);
    await first.send('bob', 'mine').until('sent');
    say(broker, 'four');
    await broker.until(() => broker.pubacks().length === 4);
    const handled: string[] = [];
    for (let i = 0; i < 3; i++) {
      const { value } = await stream.next();
      if (value.type === 'message') handled.push(value.text!);
    }
    // The third is in the app's hands: it did not ask for the next.
    assert.deepEqual(handled, ['one', 'two', 'three']);
    await first.close();

    const second = await at.client(broker, 'alice', { store: lasting(store) });
    const heard = new Recorder(second, 'message');
    const dealing = gate();
    second.on('message', ({ text }) => (text === 'three' ? undefined : dealing.promise));
    await second.connect();
    await heard.until(2);
    assert.deepEqual(heard.events.map(({ text, again }) => [text, again]), [['three', true], ['four', true]]);
    await second.close();

    const third = await at.client(broker, 'alice', { store });
    const rest = new Recorder(third, 'message');
    await third.connect();
    say(broker, 'five');
    await rest.until(2);
    assert.deepEqual(rest.events.map(({ text, again }) => [text, again]), [['four', true], ['five', undefined]]);
    dealing.open();
  }));

  test('a reconnect hands nothing over again', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message');
    const dealing = gate();
    alice.on('message', () => dealing.promise);
    await alice.connect();
    say(broker, 'one');
    await heard.until(1);
    broker.cut('alice');
    await broker.until(() => broker.connects.length === 2);
    say(broker, 'two');
    await heard.until(2);
    assert.deepEqual(texts(heard.events), ['one', 'two']);
    dealing.open();
  }));
});
