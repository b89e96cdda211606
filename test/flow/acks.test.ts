import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Packet } from 'mqtt-packet';
import { Code, publishTopics } from 'godwit-schemas';
import { encodeMessage, newId, readDelivery, type Of } from '../support/deliveries.js';
import { startGodwit } from '../support/godwit.js';
import { Device } from '../support/device.js';
import { Wire } from '../support/wire.js';

type Answer = { result: Of<'result'>['value'] } | { puback: number };

/** Results and PUBACKs of a connection, in the order in which they came. */
function answers(packets: readonly Packet[]): Answer[] {
  return packets.flatMap((packet): Answer[] => {
    if (packet.cmd === 'puback') return [{ puback: packet.messageId! }];
    if (packet.cmd !== 'publish') return [];
    const delivery = readDelivery(packet);
    return delivery.kind === 'result' ? [{ result: delivery.value }] : [];
  });
}

describe('the answer to a publish', () => {
  test('is its result and then its PUBACK, in the order of the publishes, whatever became of them', async (t) => {
    const server = await startGodwit(t);
    await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:phone');
    await alice.subscribe('u/alice/#');
    const known = newId();
    const publishes: { topic: string; payload: Buffer; id: Uint8Array; code: Code }[] = [];
    const add = (topic: string, payload: Buffer, id: Uint8Array, code: Code): unknown => publishes.push({ topic, payload, id, code });
    const none = new Uint8Array(0);
    for (let round = 0; round < 20; round++) {
      const [a, b, c] = [newId(), newId(), newId()];
      add(publishTopics.to('bob'), encodeMessage('good', { id: a }), a, Code.OK);
      add(publishTopics.to('bob'), encodeMessage('again and again', { id: known }), known, Code.OK);
      add(publishTopics.to('nobody'), encodeMessage('to nobody', { id: b }), b, Code.UNKNOWN_USER);
      add(publishTopics.to('bob'), Buffer.from('no Message'), none, Code.MALFORMED);
      add(publishTopics.to('alice'), encodeMessage('note', { id: c }), c, Code.OK);
      add('no/such/topic', encodeMessage('lost', { id: c }), c, Code.NOT_ALLOWED);
      add(publishTopics.toRaw('bob'), Buffer.from('raw'), none, Code.OK);
    }
    const ids = publishes.map(({ topic, payload }) => alice.publish(topic, payload));
    await alice.puback(ids.at(-1)!);
    const got = answers(alice.packets.all);
    assert.equal(got.length, publishes.length * 2);
    publishes.forEach(({ id, code, topic }, i) => {
      const [first, second] = got.slice(i * 2);
      assert.ok('result' in first && 'puback' in second, `publish ${i}: the result comes first`);
      assert.equal(second.puback, ids[i]);
      assert.equal(first.result.code, code, `publish ${i} to ${topic}: ${first.result.text}`);
      // Where there is no id, the result says which packet it speaks of.
      if (id.length > 0) assert.deepEqual(Buffer.from(first.result.id), Buffer.from(id));
      else assert.equal(first.result.packetId, ids[i]);
    });
  });

  test('to a resend with the same id is the first result, on the same connection, on another, and after a restart', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    const id = newId();
    const first = await alice.send('bob', 'hello', { id });
    await alice.send('bob', 'another');
    server.clock.advance(60_000);
    const answers = [await alice.send('bob', 'hello', { id }), await alice.send('bob', 'changed on the way', { id })];
    await alice.leave();
    answers.push(await (await Device.connect(t, server, 'alice:laptop')).send('bob', 'hello', { id }));
    await server.restart();
    const again = await Device.connect(t, server, 'alice:phone');
    answers.push(await again.send('bob', 'hello', { id }));
    for (const answer of answers) assert.deepEqual([answer.code, answer.seq, answer.sentAtMs], [Code.OK, first.seq, first.sentAtMs]);
    const back = await Device.connect(t, server, 'bob:phone');
    await again.send('bob', 'last');
    await back.message('last');
    assert.deepEqual([...bob.bodies, ...back.bodies], ['hello', 'another', 'last']);
  });

  test("is the first's also to resends that come before it is durable", async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:phone');
    await alice.subscribe('u/alice/#');
    const id = newId();
    for (let i = 0; i < 50; i++) alice.message('bob', 'hello', { id });
    const results = await alice.many('result', 50);
    assert.deepEqual(new Set(results.map((it) => Number(it.value.seq))), new Set([1]));
    assert.equal(new Set(results.map((it) => it.value.sentAtMs)).size, 1);
    alice.message('bob', 'last');
    await bob.message('last');
    assert.deepEqual(bob.bodies, ['hello', 'last']);
  });

  test('ids are apart by sender and by conversation', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    const carol = await Device.connect(t, server, 'carol:phone');
    const id = newId();
    assert.equal((await alice.send('bob', 'from alice', { id })).seq, 1n);
    assert.equal((await bob.send('alice', 'from bob', { id })).seq, 2n);
    assert.equal((await carol.send('bob', 'from carol', { id })).seq, 1n);
    assert.equal((await alice.send('carol', 'to carol', { id })).seq, 1n);
    await bob.message('from carol');
    assert.deepEqual(bob.bodies, ['from alice', 'from carol']);
  });

  test('an id that is older than others of the sender is still new, and only once', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    const [early, late] = [newId(), newId()];
    assert.equal((await alice.send('bob', 'late', { id: late })).seq, 1n);
    assert.equal((await alice.send('bob', 'early', { id: early })).seq, 2n);
    assert.equal((await alice.send('bob', 'early', { id: early })).seq, 2n);
    await bob.messages(2);
    await bob.settled();
    assert.deepEqual(bob.bodies, ['late', 'early']);
  });

  test('one that did not subscribe to results gets PUBACKs alone', async (t) => {
    const server = await startGodwit(t);
    await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:phone');
    await alice.subscribe('u/alice/msg');
    const ids = [alice.message('bob', 'good'), alice.message('nobody', 'bad'), alice.publish('no/such/topic', 'bad')];
    await alice.puback(ids[2]);
    assert.deepEqual(answers(alice.packets.all), ids.map((puback) => ({ puback })));
    // The refusals are counted and logged all the same.
    const refusals = await server.logged.waitMany('two refusals in the log', 2, (line) => line.msg === 'publish refused');
    assert.deepEqual(refusals.map((line) => line.code), [Code.UNKNOWN_USER, Code.NOT_ALLOWED]);
  });
});
