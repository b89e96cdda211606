import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import mqtt from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { Code, publishTopics } from 'godwit-schemas';
import { bodyOf, encodeMessage, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { Wire } from '../support/wire.js';

describe('publishes of one connection', () => {
  test('keep their order in the log, whatever their QoS: none overtakes a QoS 2 publish before it', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:phone');
    const bodies = Array.from({ length: 60 }, (_, i) => `message ${i}`);
    const packets = bodies.map((body, i) => {
      const qos = ([2, 1, 0] as const)[i % 3];
      return { cmd: 'publish', topic: publishTopics.to('bob'), payload: Buffer.from(encodeMessage(body, { id: newId() })), qos, dup: false, retain: false, ...(qos > 0 && { messageId: i + 1 }) } as Packet;
    });
    // In one piece: the server has them all at once.
    alice.write(Buffer.concat(packets.map((packet) => mqtt.generate(packet))));
    assert.deepEqual((await bob.messages(60)).map(bodyOf), bodies);
  });

  test('go on behind a QoS 2 publish that is repeated, and only its handshake is done again', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:phone');
    const first = encodeMessage('twice', { id: newId() });
    alice.publish(publishTopics.to('bob'), first, { qos: 2, messageId: 7 });
    await alice.packets.wait('the PUBREC', (it) => it.cmd === 'pubrec');
    alice.publish(publishTopics.to('bob'), first, { qos: 2, messageId: 7, dup: true });
    alice.message('bob', 'behind it');
    assert.deepEqual((await bob.messages(2)).map(bodyOf), ['twice', 'behind it']);
    await alice.packets.waitMany('both PUBRECs', 2, (it) => it.cmd === 'pubrec');
  });

  test('get their PUBRECs in their order, also where one of them is a repeat', async (t) => {
    const server = await startGodwit(t);
    await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:phone');
    const message = (messageId: number, dup = false): Packet => ({ cmd: 'publish', topic: publishTopics.to('bob'), payload: Buffer.from(encodeMessage(`message ${messageId}`, { id: newId() })), qos: 2, dup, retain: false, messageId });
    alice.send(message(7));
    await alice.packets.wait('the PUBREC', (it) => it.cmd === 'pubrec');
    alice.write(Buffer.concat([message(1), message(7, true), message(2), message(7, true), message(3)].map((packet) => mqtt.generate(packet))));
    const pubrecs = await alice.packets.waitMany('six PUBRECs', 6, (it) => it.cmd === 'pubrec');
    assert.deepEqual(pubrecs.map(({ messageId }) => messageId), [7, 1, 7, 2, 7, 3]);
  });
});

test('a raw publish that is refused is named by its packet id, to a device that takes results', async (t) => {
  const server = await startGodwit(t, { env: { GODWIT_MESSAGES_PER_MINUTE: '1' } });
  await Device.connect(t, server, 'bob:phone');
  const sensor = await Wire.connect(t, server, 'alice:sensor');
  await sensor.subscribe('u/alice/result');
  sensor.publish(publishTopics.toRaw('bob'), 'one');
  const refused = sensor.publish(publishTopics.toRaw('bob'), 'two');
  await sensor.puback(refused);
  const { value } = await sensor.next('result', 'the refusal', (it) => it.value.code === Code.RATE_LIMITED);
  assert.deepEqual([value.packetId, value.id.length], [refused, 0]);
});
