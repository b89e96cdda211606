import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, Flag, limits, publishTopics } from 'godwit-schemas';
import { bodyOf } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { housekept } from '../support/housekeeping.js';
import { Wire } from '../support/wire.js';

describe('a plain device', () => {
  test('is given bodies alone, on topics that name conversation and sender, in order, from its cursor on', async (t) => {
    const server = await startGodwit(t);
    const first = await Wire.connect(t, server, 'bob:sensor');
    await first.subscribe('u/bob/raw/#');
    await first.leave();
    const alice = await Device.connect(t, server, 'alice:phone');
    const carol = await Device.connect(t, server, 'carol:phone');
    for (let i = 0; i < 200; i++) await alice.send('bob', `a${i}`);
    await carol.send('bob', 'c0', { deviceBodies: { 'bob:sensor': Buffer.from('for the sensor alone') }, preview: Buffer.from('preview') });
    const bob = await Wire.connect(t, server, 'bob:sensor');
    const all = await bob.many('raw', 201);
    const fromAlice = all.filter((it) => it.from === 'alice');
    assert.deepEqual(fromAlice.map((it) => it.value), Array.from({ length: 200 }, (_, i) => `a${i}`));
    assert.deepEqual([fromAlice[0].topic, fromAlice[0].qos], ['u/bob/raw/d:alice:bob/alice', 1]);
    const fromCarol = all.filter((it) => it.from === 'carol');
    assert.deepEqual(fromCarol.map((it) => [it.topic, it.value]), [['u/bob/raw/d:bob:carol/carol', 'for the sensor alone']]);
    await bob.pong();
    await bob.leave();
    assert.equal((await server.godwit.storage.cursors.device('bob', 'sensor', 'd:alice:bob'))?.position, 200);
    assert.deepEqual(bob.got('msg'), []);
  });

  test('publishes any bytes; others get a Message around them', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:sensor');
    for (const body of ['21.5', '', '\x00\xff binary', 'x'.repeat(65_000)]) {
      const from = bob.received.all.length;
      await alice.puback(alice.publish(publishTopics.toRaw('bob'), Buffer.from(body, 'latin1')));
      const [{ value }] = await bob.messages(1, from);
      assert.equal(Buffer.from(value.body).toString('latin1'), body);
      assert.deepEqual([value.flags, value.from, value.fromDevice, value.id.length, value.conversation], [Flag.bare, 'alice', 'sensor', 16, 'd:alice:bob']);
    }
  });

  test('is told of its publishes by packet id, if it subscribes to results', async (t) => {
    const server = await startGodwit(t);
    await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:sensor');
    await alice.subscribe('u/alice/result');
    alice.publish(publishTopics.toRaw('bob'), 'good', { messageId: 901 });
    alice.publish(publishTopics.toRaw('nobody'), 'bad', { messageId: 902 });
    alice.publish(publishTopics.toRaw('bob'), Buffer.alloc(limits.messageBytes.value + 1), { messageId: 903 });
    const results = (await alice.many('result', 3)).map((it) => it.value);
    assert.deepEqual(results.map((it) => [it.packetId, it.code]), [[901, Code.OK], [902, Code.UNKNOWN_USER], [903, Code.TOO_LARGE]]);
    assert.deepEqual([results[0].seq, results[0].id.length], [1n, 16]);
  });

  test('that resends (DUP) one of its last publishes is answered, and nothing is appended again', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const first = await Wire.connect(t, server, 'alice:sensor');
    await first.subscribe('u/alice/result');
    const topic = publishTopics.toRaw('bob');
    first.publish(topic, 'one', { messageId: 1 });
    first.publish(topic, 'one', { messageId: 1, dup: true });
    await first.many('result', 2);
    await first.drop();
    // Over a reconnect, as mosquitto does it.
    const second = await Wire.connect(t, server, 'alice:sensor');
    second.publish(topic, 'one', { messageId: 1, dup: true });
    second.publish(topic, 'other bytes', { messageId: 1, dup: true });
    second.publish(topic, 'one', { messageId: 2, dup: true });
    second.publish(publishTopics.toRaw('alice'), 'one', { messageId: 1, dup: true });
    second.publish(topic, 'one', { messageId: 1 });
    const results = [...first.got('result'), ...(await second.many('result', 5))].map((it) => it.value);
    assert.deepEqual(results.map((it) => Number(it.seq)), [1, 1, 1, 2, 3, 1, 4]);
    await bob.messages(4);
    await bob.settled();
    assert.deepEqual(bob.bodies, ['one', 'other bytes', 'one', 'one']);
  });

  test('has rawResends publishes remembered, and no more', async (t) => {
    const server = await startGodwit(t);
    await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:sensor');
    await alice.subscribe('u/alice/result');
    const topic = publishTopics.toRaw('bob');
    const most = limits.rawResends.value;
    for (let i = 1; i <= most + 1; i++) alice.publish(topic, `message ${i}`, { messageId: i });
    alice.publish(topic, 'message 2', { messageId: 2, dup: true });
    alice.publish(topic, 'message 1', { messageId: 1, dup: true });
    const results = await alice.many('result', most + 3);
    assert.deepEqual(results.slice(-2).map((it) => Number(it.value.seq)), [2, most + 2]);
  });

  test('whose filters take msg too is sent msg, and no raw', async (t) => {
    const server = await startGodwit(t);
    const bob = await Wire.connect(t, server, 'bob:both');
    await bob.subscribe(['u/bob/raw/#', 'u/bob/msg']);
    const all = await Wire.connect(t, server, 'bob:all');
    await all.subscribe('u/bob/#');
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.send('bob', 'hello');
    for (const wire of [bob, all]) {
      assert.equal(bodyOf(await wire.next('msg', 'the message')), 'hello');
      await wire.pong();
      assert.deepEqual(wire.got('raw'), []);
    }
  });

  test('is told of gaps as JSON, if it subscribes to them; if not, it is passed over them', async (t) => {
    const server = await startGodwit(t);
    for (const [id, filters] of [['bob:told', ['u/bob/raw/#', 'u/bob/gap']], ['bob:untold', ['u/bob/raw/#']]] as const) {
      const wire = await Wire.connect(t, server, id);
      await wire.subscribe([...filters]);
      await wire.leave();
    }
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.send('bob', 'one');
    await alice.send('bob', 'two', { expiresInS: 10 });
    await alice.send('bob', 'three', { expiresInS: 10 });
    await alice.send('bob', 'four');
    server.clock.advance(11_000);
    await housekept(t, server);
    const told = await Wire.connect(t, server, 'bob:told');
    await told.many('raw', 2);
    await told.pong();
    const seen = told.packets.all.flatMap((it) => (it.cmd === 'publish' ? [[it.topic, String(it.payload), it.qos]] : []));
    assert.deepEqual(seen, [
      ['u/bob/raw/d:alice:bob/alice', 'one', 1],
      ['u/bob/gap', '{"conversation":"d:alice:bob","from":"2","to":"3","reason":"EXPIRED"}', 1],
      ['u/bob/raw/d:alice:bob/alice', 'four', 1],
    ]);
    const untold = await Wire.connect(t, server, 'bob:untold');
    assert.deepEqual((await untold.many('raw', 2)).map((it) => it.value), ['one', 'four']);
    await untold.pong();
    await untold.leave();
    assert.equal((await server.godwit.storage.cursors.device('bob', 'untold', 'd:alice:bob'))?.position, 4);
  });

  test('that did not acknowledge gets the same packet again, with DUP', async (t) => {
    const server = await startGodwit(t);
    const first = await Wire.connect(t, server, 'bob:sensor', { acknowledges: false });
    await first.subscribe('u/bob/raw/#');
    await (await Device.connect(t, server, 'alice:phone')).send('bob', 'hello');
    const { packetId } = await first.next('raw', 'the body');
    await first.drop();
    const second = await Wire.connect(t, server, 'bob:sensor');
    const again = await second.next('raw', 'the body again');
    assert.deepEqual([again.packetId, again.dup, again.value], [packetId, true, 'hello']);
  });
});
