import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deliveryTopics, publishTopics } from 'godwit-schemas';
import { loadVector, loadVectors } from '../schemas/vectors.js';
import { Device } from '../support/device.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import type { Scope } from '../support/folder.js';

/** What came on a topic of the device, byte by byte. */
function bytesOn(device: Device, topic: string): string[] {
  const came: string[] = [];
  device.client.on('packetreceive', (packet) => {
    if (packet.cmd === 'publish' && packet.topic === topic) came.push(Buffer.from(packet.payload as Buffer).toString('hex'));
  });
  return came;
}

/** A server whose clock stands at the time of the vectors. */
async function atTheTimeOf(t: Scope, sentAtMs: number): Promise<TestServer> {
  const server = await startGodwit(t);
  server.clock.stop();
  server.clock.advance(sentAtMs - server.clock.now());
  return server;
}

describe('the golden bytes', () => {
  const vector = loadVector('stamp', 'first message of a conversation');

  test('of a message, its result, receipt and typing are what the server writes', async (t) => {
    const server = await atTheTimeOf(t, vector.sentAtMs);
    const alice = await Device.connect(t, server, `${vector.from}:${vector.fromDevice}`);
    const bob = await Device.connect(t, server, 'bob:phone');
    const messages = bytesOn(bob, deliveryTopics.msg('bob'));
    const typing = bytesOn(bob, deliveryTopics.typing('bob'));
    const results = bytesOn(alice, deliveryTopics.result('alice'));
    const receipts = bytesOn(alice, deliveryTopics.receipt('alice'));
    const presence = bytesOn(bob, publishTopics.presence('alice'));

    // The seventh place of the log has the bytes of the result and the receipt.
    for (let seq = 1; seq < 7; seq++) await alice.send('bob', `${seq}`);
    await alice.publish(publishTopics.to('bob'), vector.sender, vector.sender.subarray(2, 18));
    assert.equal(results.at(-1), loadVector('result', 'accepted').bytes.toString('hex'));
    await bob.messages(7);
    const stamped = loadVectors('stamp').find(({ name, seq }) => name === 'to a device, with after' && seq === 7)!;
    const withoutAfter = stamped.bytes.subarray(0, stamped.bytes.length - 3);
    assert.equal(messages.at(-1), withoutAfter.toString('hex'));
    await alice.next('receipt', 'the seventh tick', ({ value }) => value.delivered === 7n);
    assert.equal(receipts.at(-1), loadVector('receipt', 'delivered').bytes.toString('hex'));

    alice.client.publish(publishTopics.typing('d:alice:bob'), '', { qos: 0 });
    await bob.next('typing', 'that alice types');
    assert.deepEqual(typing, [loadVector('typing', 'one-to-one').bytes.toString('hex')]);

    await bob.subscribe(publishTopics.presence('alice'));
    await bob.next('presence', "alice's presence");
    assert.equal(presence.at(-1), loadVector('presence', 'online').bytes.toString('hex'));
  });

  test('of a first message are what a device gets first', async (t) => {
    const server = await atTheTimeOf(t, vector.sentAtMs);
    const alice = await Device.connect(t, server, `${vector.from}:${vector.fromDevice}`);
    const bob = await Device.connect(t, server, 'bob:phone');
    const messages = bytesOn(bob, deliveryTopics.msg('bob'));
    await alice.publish(publishTopics.to('bob'), vector.sender, vector.sender.subarray(2, 18));
    await bob.messages(1);
    assert.equal(messages[0].startsWith(vector.bytes.toString('hex')), true);
    // `after` 0: the conversation begins here.
    assert.ok(['', '800100'].includes(messages[0].slice(vector.bytes.length * 2)));
  });

  test('of the read payload, and of calls, are understood', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    for (let seq = 1; seq <= 9; seq++) await alice.send('bob', `${seq}`);
    await bob.messages(9);
    for (const { name, bytes } of loadVectors('read')) {
      await bob.client.publishAsync(publishTopics.read('d:alice:bob'), bytes, { qos: 1 });
      assert.ok(name);
    }
    await alice.next('receipt', 'that bob has read', ({ value }) => value.read > 0n);
  });
});
