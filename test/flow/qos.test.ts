import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, limits, publishTopics } from 'godwit-schemas';
import { bodyOf, encodeMessage, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { Wire } from '../support/wire.js';

describe('a publish at QoS 0', () => {
  test('is delivered like others, and answered by nothing', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:phone');
    await alice.subscribe('u/alice/#');
    alice.message('bob', 'quick', {}, { qos: 0 });
    const { qos, value } = await bob.message('quick');
    assert.deepEqual([qos, value.seq], [1, 1n]);
    const last = alice.message('bob', 'last');
    await alice.puback(last);
    assert.equal(alice.got('result').length, 1);
  });

  test('that is refused is counted, and nothing is said', async (t) => {
    const server = await startGodwit(t);
    const alice = await Wire.connect(t, server, 'alice:phone');
    await alice.subscribe('u/alice/#');
    alice.message('nobody', 'hello', {}, { qos: 0 });
    alice.publish(publishTopics.to('alice'), 'no Message', { qos: 0 });
    const last = alice.message('alice', 'note');
    await alice.puback(last);
    assert.equal(alice.got('result').length, 1);
    const refusals = await server.logged.waitMany('two refusals', 2, (line) => line.msg === 'publish refused');
    assert.deepEqual(refusals.map((line) => line.code), [Code.UNKNOWN_USER, Code.MALFORMED]);
  });
});

describe('a publish at QoS 2', () => {
  test('is appended once, with its result before its PUBREC', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:phone');
    await alice.subscribe('u/alice/#');
    const messageId = alice.message('bob', 'exactly once', {}, { qos: 2 });
    await alice.packets.wait('the PUBREC', (it) => it.cmd === 'pubrec' && it.messageId === messageId);
    assert.equal((await alice.next('result', 'the result')).value.seq, 1n);
    const order = alice.packets.all.map((it) => it.cmd);
    assert.ok(order.indexOf('publish') < order.indexOf('pubrec'), 'the result comes first');
    alice.send({ cmd: 'pubrel', messageId });
    await alice.packets.wait('the PUBCOMP', (it) => it.cmd === 'pubcomp' && it.messageId === messageId);
    assert.equal((await bob.message('exactly once')).value.seq, 1n);
  });

  test('that is sent again before its PUBREL is not appended twice, on the same connection and on the next', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const first = await Wire.connect(t, server, 'alice:phone');
    const raw = { qos: 2 as const, messageId: 77 };
    first.publish(publishTopics.toRaw('bob'), 'raw has no id of its own', raw);
    await first.packets.wait('the PUBREC', (it) => it.cmd === 'pubrec');
    first.publish(publishTopics.toRaw('bob'), 'raw has no id of its own', { ...raw, dup: true });
    await first.packets.waitMany('a second PUBREC', 2, (it) => it.cmd === 'pubrec');
    await first.drop();
    const second = await Wire.connect(t, server, 'alice:phone');
    second.publish(publishTopics.toRaw('bob'), 'raw has no id of its own', { ...raw, dup: true });
    await second.packets.wait('the PUBREC', (it) => it.cmd === 'pubrec');
    second.send({ cmd: 'pubrel', messageId: 77 });
    await second.packets.wait('the PUBCOMP', (it) => it.cmd === 'pubcomp');
    // The packet id is free again: what comes under it now is another message.
    second.publish(publishTopics.toRaw('bob'), 'another', raw);
    await bob.message('another');
    assert.deepEqual(bob.bodies, ['raw has no id of its own', 'another']);
  });

  test('by mqtt.js goes through, many at once and in order', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    const bodies = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    await Promise.all(bodies.map((body) => alice.client.publishAsync(publishTopics.to('bob'), encodeMessage(body, { id: newId() }), { qos: 2 })));
    assert.deepEqual((await bob.messages(100)).map(bodyOf), bodies);
    assert.equal(alice.got('result').length, 100);
  });

  test('may wait for its PUBREL, but not more than unreleasedPublishes of a session: at one more it is closed', async (t) => {
    const server = await startGodwit(t);
    const alice = await Wire.connect(t, server, 'alice:phone');
    const most = limits.unreleasedPublishes.value;
    for (let i = 0; i < most; i++) alice.message('alice', 'note', {}, { qos: 2 });
    await alice.packets.waitMany('a PUBREC for each', most, (it) => it.cmd === 'pubrec');
    await alice.pong();
    alice.message('alice', 'one too many', {}, { qos: 2 });
    await alice.closed();
    // What was released makes room.
    const again = await Wire.connect(t, server, 'alice:phone');
    again.send({ cmd: 'pubrel', messageId: 1 });
    await again.packets.wait('the PUBCOMP', (it) => it.cmd === 'pubcomp');
    again.message('alice', 'now', {}, { qos: 2, messageId: 2_000 });
    await again.packets.wait('its PUBREC', (it) => it.cmd === 'pubrec' && it.messageId === 2_000);
  });

  test('that is refused gets its result, and the handshake goes on', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.client.publishAsync(publishTopics.to('nobody'), encodeMessage('hello'), { qos: 2 });
    assert.equal((await alice.next('result', 'the refusal')).value.code, Code.UNKNOWN_USER);
  });
});

describe('a subscription', () => {
  test('is granted at the QoS it asks for, and delivered at QoS 1 at most', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Wire.connect(t, server, 'bob:phone');
    assert.deepEqual(await bob.subscribe('u/bob/#', 2), [2]);
    await alice.send('bob', 'hello');
    assert.equal((await bob.next('msg', 'the message')).qos, 1);
  });
});

describe('a client of MQTT 3.1', () => {
  test('is served like one of 3.1.1', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone', { protocolId: 'MQIsdp', protocolVersion: 3 });
    await alice.send('bob', 'hello');
    await bob.message('hello');
  });
});
