import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, deliveryTopics } from 'godwit-schemas';
import type { Of } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { Wire } from '../support/wire.js';

const conversation = 'd:alice:bob';

type Receipt = Of<'receipt'>;
const delivered = (seq: number) => (it: Receipt): boolean => it.value.delivered === BigInt(seq);
const read = (seq: number) => (it: Receipt): boolean => it.value.read === BigInt(seq);

describe('ticks', () => {
  test('delivered when a device has acknowledged, read when the user has read', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    const before = BigInt(server.now());
    await alice.send('bob', 'hello');
    const first = await alice.next('receipt', 'delivered', delivered(1));
    assert.deepEqual([first.topic, first.qos, first.value.conversation, first.value.read], ['u/alice/receipt', 1, conversation, 0n]);
    assert.ok(first.value.atMs >= before && first.value.atMs <= BigInt(server.now()));
    server.clock.advance(5_000);
    await bob.read(conversation, 1);
    const second = await alice.next('receipt', 'read', read(1));
    assert.equal(second.value.delivered, 1n);
    assert.ok(second.value.atMs >= first.value.atMs + 5_000n);
  });

  test('not before his device acknowledges, whatever it was sent', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    await bob.subscribe('u/bob/#');
    await alice.send('bob', 'hello');
    const { packetId } = await bob.next('msg', 'the message');
    const carol = await Device.connect(t, server, 'carol:phone');
    await alice.send('carol', 'a message to another shows that receipts flow');
    await carol.messages(1);
    await alice.next('receipt', "carol's", (it) => it.value.conversation === 'd:alice:carol');
    assert.deepEqual(alice.got('receipt').map((it) => it.value.conversation), ['d:alice:carol']);
    bob.acknowledge(packetId);
    await alice.next('receipt', 'delivered', delivered(1));
  });

  test('when any of his devices has it', async (t) => {
    const server = await startGodwit(t);
    await (await Device.connect(t, server, 'bob:tablet')).leave();
    const alice = await Device.connect(t, server, 'alice:phone');
    await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'hello');
    await alice.next('receipt', 'delivered', delivered(1));
    const tablet = await Device.connect(t, server, 'bob:tablet');
    await tablet.message('hello');
    await alice.send('bob', 'again');
    await alice.next('receipt', 'delivered', delivered(2));
    assert.deepEqual(alice.got('receipt').filter(delivered(1)).length, 1);
  });

  test('come to all her devices', async (t) => {
    const server = await startGodwit(t);
    const devices = [await Device.connect(t, server, 'alice:phone'), await Device.connect(t, server, 'alice:laptop')];
    const bob = await Device.connect(t, server, 'bob:phone');
    await devices[0].send('bob', 'hello');
    for (const device of devices) await device.next('receipt', 'delivered', delivered(1));
    await bob.read(conversation, 1);
    for (const device of devices) await device.next('receipt', 'read', read(1));
  });

  test('are floors: a hundred messages make a few receipts, and the last one says all', async (t) => {
    const server = await startGodwit(t);
    await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    await Promise.all(Array.from({ length: 200 }, (_, i) => alice.send('bob', `message ${i}`)));
    await alice.next('receipt', 'all delivered', delivered(200));
    assert.ok(alice.got('receipt').length < 20, `${alice.got('receipt').length} receipts`);
    const floors = alice.got('receipt').map((it) => it.value.delivered);
    assert.deepEqual(floors, [...floors].sort((a, b) => Number(a - b)), 'a floor never goes back');
  });

  test('come after she was away, one for all of it', async (t) => {
    const server = await startGodwit(t);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const first = await Device.connect(t, server, 'alice:phone');
    await Promise.all(Array.from({ length: 50 }, (_, i) => first.send('bob', `message ${i}`)));
    await first.leave();
    const bob = await Device.connect(t, server, 'bob:phone');
    await bob.messages(50);
    await bob.read(conversation, 40);
    await bob.leave();
    for (const restarts of [false, true]) {
      if (restarts) await server.restart();
      const alice = await Wire.connect(t, server, 'alice:phone', { acknowledges: restarts });
      const receipt = await alice.next('receipt', 'what she missed');
      assert.deepEqual([receipt.value.delivered, receipt.value.read], [50n, 40n]);
      await alice.pong();
      // Not acknowledged, it is told again; acknowledged, no more.
      await alice.drop();
    }
    const alice = await Device.connect(t, server, 'alice:phone');
    const again = await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'new');
    await again.message('new');
    await alice.next('receipt', 'of the new one', delivered(51));
    assert.equal(alice.got('receipt').length, 1);
  });

  test('are not for what others wrote: bob is told nothing of places that are not his', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'hello');
    await bob.message('hello');
    await bob.read(conversation, 1);
    await alice.next('receipt', 'read', read(1));
    await alice.read(conversation, 1);
    await bob.send('alice', 'his own');
    const first = await bob.next('receipt', 'of his own message');
    assert.equal(first.value.delivered, 2n);
  });

  test('a device that takes receipts alone gets them', async (t) => {
    const server = await startGodwit(t);
    await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone', { filters: [deliveryTopics.receipt('alice'), deliveryTopics.result('alice')] });
    await alice.send('bob', 'hello');
    assert.equal((await alice.next('receipt', 'delivered', delivered(1))).qos, 1);
    assert.deepEqual(alice.bodies, []);
  });

  test('the note to self has none: sent is final', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const laptop = await Device.connect(t, server, 'alice:laptop');
    await Device.connect(t, server, 'bob:phone');
    await alice.send('alice', 'note');
    await laptop.message('note');
    await laptop.read('d:alice:alice', 1);
    await alice.send('bob', 'hello');
    await alice.next('receipt', 'of another conversation', (it) => it.value.conversation === conversation);
    assert.deepEqual(new Set(alice.got('receipt').map((it) => it.value.conversation)), new Set([conversation]));
  });
});

describe('reading', () => {
  test("is told to the user's own other devices, not to the one that read", async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const phone = await Device.connect(t, server, 'bob:phone');
    const laptop = await Device.connect(t, server, 'bob:laptop');
    await alice.send('bob', 'one');
    await alice.send('bob', 'two');
    await phone.messages(2);
    await phone.read(conversation, 2);
    const receipt = await laptop.next('receipt', 'own_read', (it) => it.value.ownRead === 2n);
    assert.deepEqual([receipt.value.conversation, receipt.value.read], [conversation, 0n]);
    await alice.next('receipt', 'read', read(2));
    assert.deepEqual(phone.got('receipt'), []);
    // A device that was away is told when it comes.
    await laptop.leave();
    await alice.send('bob', 'three');
    await phone.read(conversation, 3);
    const back = await Device.connect(t, server, 'bob:laptop');
    await back.next('receipt', 'own_read', (it) => it.value.ownRead === 3n);
  });

  test('beyond the head reads to the head, and never goes back', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'one');
    await alice.send('bob', 'two');
    await bob.messages(2);
    await bob.read(conversation, 1n << 63n);
    assert.equal((await alice.next('receipt', 'read', read(2))).value.read, 2n);
    await bob.read(conversation, 1);
    const user = await server.godwit.storage.cursors.user('bob', conversation);
    assert.equal(user.read, 2);
    await alice.send('bob', 'three');
    await bob.message('three');
    await alice.next('receipt', 'delivered', delivered(3));
    assert.equal(alice.got('receipt').at(-1)!.value.read, 2n);
  });

  test('raises what counts as delivered, but not where the device stands', async (t) => {
    const server = await startGodwit(t);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.send('bob', 'hello');
    const screen = await Device.connect(t, server, 'bob:screen', { filters: ['u/bob/result'] });
    await screen.read(conversation, 1);
    await alice.next('receipt', 'delivered and read', (it) => it.value.delivered === 1n && it.value.read === 1n);
    const phone = await Device.connect(t, server, 'bob:phone');
    await phone.message('hello');
  });

  test('is refused outside of his conversations, and where there is nothing', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const refusals: [string, Code][] = [
      ['read/d:alice:carol', Code.NOT_ALLOWED],
      ['read/d:alice:bob', Code.UNKNOWN_CONVERSATION],
      ['read/g:group', Code.UNKNOWN_CONVERSATION],
    ];
    for (const [topic, code] of refusals) assert.equal((await bob.publish(topic, '\x08\x01')).code, code, topic);
    assert.equal((await bob.publish('read/d:bob:alice', '\x08\x01')).code, Code.NOT_ALLOWED, 'not the canonical name');
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.send('bob', 'hello');
    assert.equal((await bob.publish('read/d:alice:bob', 'no Read')).code, Code.MALFORMED);
  });
});
