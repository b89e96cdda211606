import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Storage } from '../../broker/ports/storage.js';
import { bodyOf, checkPlaces } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { metricsOf } from '../support/http.js';
import { until } from '../support/recorder.js';
import { Wire } from '../support/wire.js';

async function send(alice: Device, count: number, name = 'message'): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => alice.send('bob', `${name} ${i + 1}`)));
}

describe('a session that comes back', () => {
  test('is known, and gets its messages right after the CONNACK, without a SUBSCRIBE', async (t) => {
    const server = await startGodwit(t);
    const first = await Device.connect(t, server, 'bob:phone');
    assert.equal(first.sessionPresent, false);
    await first.leave();
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.send('bob', 'while away');
    for (const restarts of [false, true]) {
      if (restarts) await server.restart();
      const bob = await Wire.dial(t, server, 'bob');
      const connack = await bob.login(server, 'bob:phone', { acknowledges: false });
      assert.equal(connack.sessionPresent, true, restarts ? 'also after a restart of the server' : '');
      assert.equal(bodyOf(await bob.next('msg', 'the message')), 'while away');
      assert.equal(bob.packets.all[0].cmd, 'connack');
      await bob.drop();
    }
  });

  test('gets what it had not acknowledged again, with DUP and under the same packet ids, before anything new', async (t) => {
    const server = await startGodwit(t);
    const first = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    await first.subscribe('u/bob/#');
    const alice = await Device.connect(t, server, 'alice:phone');
    await send(alice, 6);
    const before = await first.many('msg', 6);
    for (const place of [1, 2, 4]) first.acknowledge(before[place - 1].packetId);
    await first.pong();
    await first.drop();
    await alice.send('bob', 'new');
    const second = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    const after = await second.many('msg', 4);
    const expected = [3, 5, 6].map((place) => ({ body: `message ${place}`, packetId: before[place - 1].packetId, dup: true }));
    assert.deepEqual(after.slice(0, 3).map((it) => ({ body: bodyOf(it), packetId: it.packetId, dup: it.dup })), expected);
    assert.deepEqual([bodyOf(after[3]), after[3].dup], ['new', false]);
    assert.ok(!before.some((it) => it.packetId === after[3].packetId), 'a new message has a packet id of its own');
    // Acknowledged now, none comes a third time.
    for (const { packetId } of after) second.acknowledge(packetId);
    await second.pong();
    await second.leave();
    const third = await Wire.connect(t, server, 'bob:phone');
    await alice.send('bob', 'last');
    await third.next('msg', 'the last one');
    assert.deepEqual(third.got('msg').map(bodyOf), ['last']);
  });

  test('that goes again while the store still reads what it is to get again, gets it on the next connection', async (t) => {
    let reading: (() => void)[] | undefined;
    const wrapStorage = (storage: Storage): Storage => {
      const { log } = storage;
      const read: typeof log.read = async (...place) => {
        await new Promise<void>((resolve) => (reading ? reading.push(resolve) : resolve()));
        return log.read(...place);
      };
      return { ...storage, log: Object.assign(Object.create(log) as typeof log, { read }) };
    };
    const server = await startGodwit(t, { wrapStorage });
    const first = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    await first.subscribe('u/bob/#');
    const alice = await Device.connect(t, server, 'alice:phone');
    await send(alice, 3);
    await first.many('msg', 3);
    await first.drop();
    const held = (reading = [] as (() => void)[]);
    const second = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    await until('the store is asked for the first', () => held.length > 0);
    await second.drop();
    await until('the server knows that bob is gone', async () => (await metricsOf(server)).get('godwit_connections{transport="tcp"}') === 1);
    reading = undefined;
    for (const resolve of held) resolve();
    const third = await Wire.connect(t, server, 'bob:phone');
    assert.deepEqual((await third.many('msg', 3)).map((it) => [bodyOf(it), it.dup]), [1, 2, 3].map((place) => [`message ${place}`, true]));
    await third.pong();
    assert.equal(third.got('msg').length, 3);
  });

  test('that becomes live while the server still looks for what waits is sent what comes from then on', async (t) => {
    let looking: (() => void)[] | undefined;
    const wrapStorage = (storage: Storage): Storage => {
      const { log } = storage;
      const head: typeof log.head = (conversation) => {
        const held = looking;
        return held ? new Promise<void>((resolve) => held.push(resolve)).then(() => log.head(conversation)) : log.head(conversation);
      };
      return { ...storage, log: Object.assign(Object.create(log) as typeof log, { head }) };
    };
    const server = await startGodwit(t, { wrapStorage });
    const first = await Wire.connect(t, server, 'bob:phone');
    await first.subscribe('u/bob/#');
    await first.drop();
    const alice = await Device.connect(t, server, 'alice:phone');
    await send(alice, 3);
    const held = (looking = [] as (() => void)[]);
    const second = await Wire.connect(t, server, 'bob:phone');
    await until('the server looks for what waits', () => held.length > 0);
    await second.subscribe('u/bob/#', 0);
    looking = undefined;
    for (const resolve of held) resolve();
    await alice.send('bob', 'live');
    await second.many('msg', 1);
    await second.pong();
    assert.deepEqual(second.got('msg').map(bodyOf), ['live']);
  });

  test('may acknowledge on the new connection what the old one delivered: packet ids count on', async (t) => {
    const server = await startGodwit(t);
    const used = new Set<number>();
    for (const round of [0, 1, 2, 3]) {
      const alice = await Device.connect(t, server, 'alice:phone');
      const bob = await Wire.connect(t, server, 'bob:phone');
      if (round === 0) await bob.subscribe('u/bob/#');
      await send(alice, 20, `round ${round}`);
      for (const { packetId } of await bob.many('msg', 20)) {
        assert.ok(!used.has(packetId), `packet id ${packetId} in round ${round} is not used again`);
        used.add(packetId);
      }
      await bob.pong();
      if (round % 2) await bob.leave();
      else await bob.drop();
      if (round === 2) await server.restart();
    }
  });

  test('after a restart gets what it had not acknowledged under fresh packet ids', async (t) => {
    const server = await startGodwit(t);
    const first = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    await first.subscribe('u/bob/#');
    const alice = await Device.connect(t, server, 'alice:phone');
    await send(alice, 3);
    const before = await first.many('msg', 3);
    first.acknowledge(before[0].packetId);
    await first.pong();
    await server.restart();
    const second = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    const after = await second.many('msg', 2);
    assert.deepEqual(after.map(bodyOf), ['message 2', 'message 3']);
    for (const { packetId, dup } of after) {
      assert.equal(dup, false);
      assert.ok(!before.some((it) => it.packetId === packetId), 'a late PUBACK of the old run acknowledges nothing');
    }
    for (const { packetId } of before) second.acknowledge(packetId);
    await second.pong();
    assert.equal((await server.godwit.storage.cursors.device('bob', 'phone', 'd:alice:bob'))?.position, 1);
  });

  test('keeps its filters, those it has dropped left out, over restarts of the server', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone', { filters: ['u/bob/msg', 'u/bob/typing', 'presence/alice', 'presence/carol'] });
    await bob.client.unsubscribeAsync(['presence/carol', 'u/bob/typing']);
    await bob.leave();
    for (const restarts of [0, 1]) {
      if (restarts) await server.restart();
      const alice = await Device.connect(t, server, 'alice:phone');
      const again = await Device.connect(t, server, 'bob:phone');
      assert.equal(again.sessionPresent, true);
      await again.next('presence', "alice's presence", (it) => it.user === 'alice');
      await alice.client.publishAsync('typing/d:alice:bob', '', { qos: 1 });
      await alice.send('bob', `message ${restarts}`);
      await again.message(`message ${restarts}`);
      assert.deepEqual(again.got('typing'), []);
      assert.deepEqual(again.got('presence').map((it) => it.user), ['alice']);
      const record = await server.godwit.storage.directory.device('bob', 'phone');
      assert.deepEqual([...record!.filters.keys()].sort(), ['presence/alice', 'u/bob/msg']);
      await again.leave();
      await alice.leave();
    }
  });

  test('many times in a row, with messages all the while, misses and repeats nothing unawares', async (t) => {
    const server = await startGodwit(t);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const alice = await Device.connect(t, server, 'alice:phone');
    const sending = (async () => {
      for (let i = 0; i < 30; i++) await send(alice, 20, `batch ${i}`);
    })();
    const places = new Map<string, bigint>();
    const known = new Set<string>();
    while (known.size < 600) {
      const bob = await Wire.connect(t, server, 'bob:phone');
      const some = await bob.many('msg', Math.min(25, 600 - known.size));
      await bob.drop();
      for (const it of some.length < bob.got('msg').length ? bob.got('msg') : some) {
        if (known.has(bodyOf(it))) assert.equal(it.dup, true, 'what comes again says so');
        else checkPlaces([it], places);
        known.add(bodyOf(it));
      }
    }
    await sending;
    assert.equal(places.get('d:alice:bob'), 600n);
  });
});

describe("a user's new device", () => {
  test('starts where the others are, in every conversation, and is durable there before the CONNACK', async (t) => {
    const server = await startGodwit(t);
    const phone = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    await send(alice, 5);
    await phone.messages(5);
    await phone.leave();
    await send(alice, 2, 'undelivered');
    const carol = await Device.connect(t, server, 'carol:phone');
    await carol.send('bob', 'a conversation that no device has begun');
    const laptop = await Wire.connect(t, server, 'bob:laptop');
    assert.equal((await server.godwit.storage.cursors.device('bob', 'laptop', 'd:alice:bob'))?.position, 5);
    await laptop.subscribe('u/bob/#');
    const messages = await laptop.many('msg', 3);
    const byBody = new Map(messages.map((it) => [bodyOf(it), it.value]));
    assert.deepEqual([...byBody.keys()].sort(), ['a conversation that no device has begun', 'undelivered 1', 'undelivered 2']);
    // The first delivery of a conversation says where it starts.
    assert.equal(byBody.get('undelivered 1')!.after, 5n);
    assert.equal(byBody.get('a conversation that no device has begun')!.after, 0n);
  });

  test('gets what its read cursor has passed but no device has been given', async (t) => {
    const server = await startGodwit(t);
    const phone = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    await send(alice, 2);
    await phone.messages(2);
    await phone.leave();
    await send(alice, 3, 'later');
    // Read from a notification: by another door than a device.
    await server.godwit.storage.cursors.setRead('bob', 'd:alice:bob', 4, server.now());
    const laptop = await Device.connect(t, server, 'bob:laptop');
    assert.deepEqual((await laptop.messages(3)).map(bodyOf), ['later 1', 'later 2', 'later 3']);
    const back = await Device.connect(t, server, 'bob:phone');
    assert.deepEqual((await back.messages(3)).map(bodyOf), ['later 1', 'later 2', 'later 3']);
  });
});
