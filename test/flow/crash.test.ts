import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, limits, publishTopics } from 'godwit-schemas';
import { bodyOf, checkPlaces, encodeMessage, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { Flood } from '../support/flood.js';
import { serveProcess } from '../support/process.js';
import { Wire } from '../support/wire.js';

const conversation = 'd:alice:bob';

describe('after a kill -9', () => {
  test('right behind its PUBACK the message is there', async (t) => {
    const server = await serveProcess(t);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    for (let round = 1; round <= 2; round++) {
      const alice = await Wire.connect(t, server, 'alice:phone');
      if (round === 1) await alice.subscribe('u/alice/#');
      const acknowledged = alice.puback(alice.message('bob', `message ${round}`));
      await acknowledged;
      await server.kill();
      await server.start();
    }
    const bob = await Device.connect(t, server, 'bob:phone');
    assert.deepEqual((await bob.messages(2)).map(bodyOf), [1, 2].map((round) => `message ${round}`));
  });

  test('in the middle of many publishes every acknowledged one is there, once, where its result said, in order', async (t) => {
    const server = await serveProcess(t);
    for (const user of ['bob', 'carol']) await (await Device.connect(t, server, `${user}:phone`)).leave();
    const known = new Map<string, bigint>();
    for (let round = 0; round < 2; round++) {
      const floods: Flood[] = [];
      for (const id of ['alice:phone', 'alice:laptop']) {
        const wire = await Wire.connect(t, server, id);
        if (round === 0) await wire.subscribe('u/alice/result');
        floods.push(new Flood(wire, 'bob'));
      }
      const watch = await Wire.connect(t, server, 'bob:watch', { clean: true });
      await watch.subscribe('u/bob/#');
      await watch.many('msg', 300);
      await server.kill();
      for (const flood of floods) {
        assert.ok(flood.acknowledged.size > 50);
        for (const [id, seq] of flood.acknowledged) known.set(id, seq);
      }
      await server.start();
    }
    const head = [...known.values()].reduce((a, b) => (a > b ? a : b));
    const bob = await Device.connect(t, server, 'bob:phone');
    await bob.next('msg', 'the last acknowledged one', (it) => it.value.seq >= head);
    const got = bob.got('msg');
    checkPlaces(got);
    const bySeq = new Map(got.map((it) => [bodyOf(it), it.value.seq]));
    assert.equal(bySeq.size, got.length, 'none is there twice');
    for (const [id, seq] of known) assert.equal(bySeq.get(id), seq);
  });

  test('a resend of what was under way gets its place, and one that was there already its first result', async (t) => {
    const server = await serveProcess(t);
    const watch = await Device.connect(t, server, 'bob:phone');
    await watch.leave();
    const alice = await Wire.connect(t, server, 'alice:phone');
    await alice.subscribe('u/alice/#');
    const messages = Array.from({ length: 200 }, (_, i) => ({ id: newId(), body: `message ${i}` }));
    for (const { id, body } of messages) alice.publish(publishTopics.to('bob'), encodeMessage(body, { id }));
    await alice.many('result', 1);
    await server.kill();
    const first = new Map(alice.got('result').map((it) => [Buffer.from(it.value.id).toString('hex'), it.value.seq]));
    await server.start();
    const again = await Wire.connect(t, server, 'alice:phone');
    for (const { id, body } of messages) again.publish(publishTopics.to('bob'), encodeMessage(body, { id }), { dup: true });
    const results = await again.many('result', 200);
    assert.deepEqual(results.map((it) => Number(it.value.seq)), messages.map((_, i) => i + 1));
    assert.ok(results.every((it) => it.value.code === Code.OK));
    for (const it of results) {
      const before = first.get(Buffer.from(it.value.id).toString('hex'));
      if (before !== undefined) assert.equal(it.value.seq, before);
    }
    const bob = await Device.connect(t, server, 'bob:phone');
    assert.deepEqual((await bob.messages(200)).map(bodyOf), messages.map((it) => it.body));
  });

  test('filters, read cursors and the starts of new devices are as they were acknowledged', async (t) => {
    const server = await serveProcess(t);
    const alice = await Wire.connect(t, server, 'alice:phone');
    await alice.subscribe('u/alice/#');
    await server.kill();
    await server.start();
    const back = await Wire.dial(t, server);
    assert.equal((await back.login(server, 'alice:phone')).sessionPresent, true, 'the SUBACK meant durable');
    const bob = await Device.connect(t, server, 'bob:phone');
    for (const body of ['one', 'two', 'three']) back.message('bob', body);
    await bob.messages(3);
    await bob.read(conversation, 2);
    await server.kill();
    await server.start();
    const laptop = await Device.connect(t, server, 'alice:laptop');
    // What bob had read is durable; that he had all three may have been in memory only.
    const receipt = await laptop.next('receipt', 'what bob has read', (it) => it.value.read >= 2n);
    assert.equal(receipt.value.read, 2n);
  });

  test('what was delivered and not acknowledged comes again under a packet id that was not used before', async (t) => {
    const server = await serveProcess(t);
    const first = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    await first.subscribe('u/bob/#');
    const alice = await Device.connect(t, server, 'alice:phone');
    for (let i = 0; i < 20; i++) await alice.send('bob', `message ${i}`);
    const before = await first.many('msg', 20);
    await server.kill();
    await server.start();
    const second = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    const after = await second.many('msg', 20);
    assert.deepEqual(after.map(bodyOf), before.map(bodyOf));
    const used = new Set(before.map((it) => it.packetId));
    assert.ok(after.every((it) => !used.has(it.packetId)));
  });

  test('a delivered cursor that moved longer than cursorFlushMs ago is kept: what was acknowledged does not come again', async (t) => {
    const server = await serveProcess(t);
    const first = await Wire.connect(t, server, 'bob:phone');
    await first.subscribe('u/bob/#');
    const alice = await Device.connect(t, server, 'alice:phone');
    for (let i = 0; i < 20; i++) await alice.send('bob', `message ${i}`);
    await first.many('msg', 20);
    await first.pong();
    // The one wait that is for time and not for an event: nobody is told when cursors are flushed.
    await new Promise((resolve) => setTimeout(resolve, limits.cursorFlushMs.value * 5));
    await server.kill();
    await server.start();
    const second = await Wire.connect(t, server, 'bob:phone');
    const again = await Wire.connect(t, server, 'alice:phone');
    again.message('bob', 'new');
    assert.equal(bodyOf(await second.next('msg', 'the next message')), 'new');
  });
});
