import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, publishTopics } from 'godwit-schemas';
import { bodyOf, checkPlaces, encodeMessage, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { Wire } from '../support/wire.js';

describe('a second connection of the same device', () => {
  test('takes over: the first is told TAKEN_OVER and closed, the second goes on', async (t) => {
    const server = await startGodwit(t);
    const first = await Wire.connect(t, server, 'bob:phone');
    await first.subscribe('u/bob/#');
    const second = await Wire.connect(t, server, 'bob:phone');
    assert.equal((await first.next('result', 'the reason')).value.code, Code.TAKEN_OVER);
    await first.closed();
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.send('bob', 'hello');
    await second.next('msg', 'the message');
    assert.ok(second.open);
  });

  test('gets what the first had not acknowledged; nothing is lost while messages flow', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    let bob = await Wire.connect(t, server, 'bob:phone');
    await bob.subscribe('u/bob/#');
    const bodies = Array.from({ length: 400 }, (_, i) => `message ${i}`);
    const sending = (async () => {
      for (let i = 0; i < 400; i += 10) await Promise.all(bodies.slice(i, i + 10).map((body) => alice.send('bob', body)));
    })();
    const connections = [bob];
    for (let i = 0; i < 6; i++) {
      await bob.many('msg', 20);
      connections.push((bob = await Wire.connect(t, server, 'bob:phone')));
    }
    await sending;
    await bob.next('msg', 'the last message', (it) => bodyOf(it) === bodies.at(-1));
    const places = new Map<string, bigint>();
    const known: string[] = [];
    for (const connection of connections) {
      for (const it of connection.got('msg')) {
        if (it.dup && it.value.seq <= (places.get('d:alice:bob') ?? 0n)) continue;
        checkPlaces([it], places);
        known.push(bodyOf(it));
      }
    }
    assert.deepEqual(known, bodies);
  });

  test('is no loop for a client that heeds TAKEN_OVER: it is told before it would reconnect', async (t) => {
    const server = await startGodwit(t);
    const first = await Device.connect(t, server, 'bob:phone', { reconnectPeriod: 1 });
    first.client.on('message', (topic) => topic === 'u/bob/result' && first.client.end(true));
    await Device.connect(t, server, 'bob:phone', { reconnectPeriod: 1 });
    await first.closed;
    const other = await Device.connect(t, server, 'bob:laptop');
    await other.send('alice', 'goes nowhere, and takes its time');
    const ends = server.logged.all.filter((line) => line.msg === 'connection ended');
    assert.deepEqual(ends.map((line) => line.code), [Code.TAKEN_OVER]);
    assert.deepEqual(first.got('result').map((it) => it.value.code), [Code.TAKEN_OVER]);
  });

  test('drops what the first had published and not appended; what it resends is there once, in its order', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    for (let round = 0; round < 5; round++) {
      const first = await Wire.connect(t, server, 'alice:phone');
      if (round === 0) await first.subscribe('u/alice/#');
      const messages = Array.from({ length: 60 }, (_, i) => ({ id: newId(), body: `${round}.${i}` }));
      messages.forEach(({ id, body }) => first.publish(publishTopics.to('bob'), encodeMessage(body, { id })));
      const second = await Wire.connect(t, server, 'alice:phone');
      messages.forEach(({ id, body }) => second.publish(publishTopics.to('bob'), encodeMessage(body, { id }), { dup: true }));
      await second.many('result', 60);
    }
    const messages = await bob.messages(300);
    assert.deepEqual(messages.map(bodyOf), Array.from({ length: 300 }, (_, i) => `${Math.floor(i / 60)}.${i % 60}`));
    await bob.settled();
    assert.equal(bob.bodies.length, 300);
  });

  test('many at once: one stays, and it is served', async (t) => {
    const server = await startGodwit(t);
    const wires = await Promise.all(Array.from({ length: 20 }, () => Wire.connect(t, server, 'bob:phone')));
    const alice = await Device.connect(t, server, 'alice:phone');
    const open = wires.filter((wire) => wire.open);
    await Promise.all(wires.map(async (wire) => (wire === open.at(-1) ? undefined : wire.open && wire.pong().catch(() => undefined))));
    const left = wires.filter((wire) => wire.open);
    assert.equal(left.length, 1);
    await left[0].subscribe('u/bob/#');
    await alice.send('bob', 'hello');
    await left[0].next('msg', 'the message');
  });

  test('from another user is none: client ids are apart by user', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'hello');
    await bob.message('hello');
    assert.ok(alice.client.connected && bob.client.connected);
  });
});
