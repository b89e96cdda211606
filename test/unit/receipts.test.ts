import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, deliveryTopics, directConversation, limits, type Receipt } from 'godwit-schemas';
import { RefusedError, type Caller } from '../../broker/ports/plugin.js';
import { openHouse, type Device } from './receipts-house.js';

const AB = directConversation('alice', 'bob');

function shown({ conversation, delivered, read, ownRead, atMs }: Receipt): (string | number)[] {
  return [conversation, Number(delivered), Number(read), Number(ownRead), Number(atMs)];
}

describe('a floor that moves', () => {
  test('is told to the author at once, and once for all that moves within receiptSpacingMs', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob', 5);
    const [alice, bob] = [await house.connect('alice'), await house.connect('bob')];
    await house.settle();
    assert.deepEqual(alice.receipts(), []);
    house.deliver('bob', AB, 1);
    assert.deepEqual(alice.receipts().map(shown), [[AB, 1, 0, 0, 1_000_000]]);
    alice.acknowledge();
    for (let seq = 2; seq <= 5; seq++) house.deliver('bob', AB, seq);
    await new Promise(setImmediate);
    assert.deepEqual(alice.receipts(), [], 'it waits for others to go with it');
    await house.settle();
    assert.deepEqual(alice.receipts().map(shown), [[AB, 5, 0, 0, 1_000_000]]);
    assert.deepEqual(bob.receipts(), []);
  });

  test('is told at the end of the period where hundreds of conversations move at once', async (t) => {
    const house = await openHouse(t);
    const others = Array.from({ length: 300 }, (_, i) => `other${i}`);
    for (const other of others) await house.write('alice', other);
    const alice = await house.connect('alice');
    await house.settle();
    for (const other of others) house.deliver(other, directConversation('alice', other), 1);
    const told = new Set<string>();
    for (let period = 0; told.size < others.length && period < 20; period++) {
      for (const { conversation } of alice.receipts()) told.add(conversation);
      alice.acknowledge();
      await house.settle();
    }
    assert.equal(told.size, others.length);
  });

  test('is told to all devices of the author', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob');
    const devices = [await house.connect('alice', 'phone'), await house.connect('alice', 'laptop')];
    house.deliver('bob', AB, 1);
    await house.settle();
    for (const device of devices) assert.deepEqual(device.receipts().map(shown), [[AB, 1, 0, 0, 1_000_000]]);
  });

  test('is not told to who wrote nothing between the old floor and the new', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob');
    await house.write('bob', 'alice', 3);
    const alice = await house.connect('alice');
    house.deliver('bob', AB, 1);
    await house.settle();
    alice.acknowledge();
    assert.equal(alice.receipts().length, 1);
    house.deliver('bob', AB, 4);
    await house.settle();
    assert.deepEqual(alice.receipts(), [], 'bob moved over his own messages');
    assert.equal((await house.context.storage.cursors.device('alice', 'phone', AB))!.toldDelivered, 4, 'these places are not looked at again');
    await house.write('alice', 'bob');
    house.deliver('bob', AB, 5);
    await house.settle();
    assert.deepEqual(alice.receipts().map(shown), [[AB, 5, 0, 0, 1_000_000]]);
  });

  test('over places that are gone is told: whose they were is not known any more', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob', 2);
    house.deliver('bob', AB, 2);
    await house.context.storage.log.trim(AB, 2);
    const alice = await house.connect('alice');
    await house.settle();
    assert.deepEqual(alice.receipts().map(shown), [[AB, 2, 0, 0, 1_000_000]]);
  });

  test('over more places than are worth reading is told', async (t) => {
    const house = await openHouse(t);
    await house.write('bob', 'alice', 300);
    house.deliver('bob', AB, 300);
    const alice = await house.connect('alice');
    await house.settle();
    assert.equal(alice.receipts().length, 1);
  });

  test('of the note to self is told to nobody', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'alice');
    const devices = [await house.connect('alice', 'phone'), await house.connect('alice', 'laptop')];
    house.deliver('alice', directConversation('alice', 'alice'), 1);
    assert.equal(await house.read(devices[0], directConversation('alice', 'alice'), 1), undefined);
    await house.settle();
    for (const device of devices) assert.deepEqual(device.receipts(), []);
  });

  test('is not told to a device that does not take receipts, until it subscribes', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob');
    house.deliver('bob', AB, 1);
    const alice = await house.connect('alice');
    alice.filters.clear();
    await house.settle();
    assert.deepEqual(alice.receipts(), []);
    alice.filters.add(deliveryTopics.receipt('alice'));
    await house.plugin.subscribed!(alice, ['presence/bob']);
    await house.settle();
    assert.deepEqual(alice.receipts(), [], 'another filter');
    await house.plugin.subscribed!(alice, ['u/alice/#']);
    await house.settle();
    assert.equal(alice.receipts().length, 1);
  });
});

describe('one receipt in flight', () => {
  test('for each conversation: the newest state follows its PUBACK', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob', 10);
    await house.write('alice', 'carol');
    const alice = await house.connect('alice');
    house.deliver('bob', AB, 1);
    await house.settle();
    assert.deepEqual(alice.receipts().map(shown), [[AB, 1, 0, 0, 1_000_000]]);
    for (const seq of [4, 7]) {
      house.clock.nowMs += 1_000;
      house.deliver('bob', AB, seq);
      await house.settle();
    }
    house.deliver('carol', directConversation('alice', 'carol'), 1);
    await house.settle();
    assert.deepEqual(alice.receipts().map(({ conversation }) => conversation), [directConversation('alice', 'carol')], 'another conversation does not wait');
    alice.acknowledge(1);
    await house.settle();
    assert.deepEqual(alice.receipts().map(shown), [[AB, 7, 0, 0, 1_002_000]]);
    alice.acknowledge();
    await house.settle();
    assert.deepEqual(alice.receipts(), []);
  });

  test('that cannot be sent yet is sent later', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob', 3);
    const alice = await house.connect('alice');
    alice.mute = true;
    house.deliver('bob', AB, 1);
    await house.settle();
    house.deliver('bob', AB, 2);
    await house.settle();
    assert.deepEqual(alice.receipts(), []);
    alice.mute = false;
    await house.settle();
    assert.deepEqual(alice.receipts().map(({ delivered }) => delivered), [2n]);
  });

  test('receiptsInFlight: a device that comes back to 1,000 conversations is told a few at a time, and all', async (t) => {
    const house = await openHouse(t);
    const peers = Array.from({ length: 1_000 }, (_, i) => `peer${i}`);
    for (const peer of peers) {
      await house.write('alice', peer);
      house.deliver(peer, directConversation('alice', peer), 1);
    }
    const alice = await house.connect('alice');
    const told = new Set<string>();
    for (;;) {
      await house.settle();
      const receipts = alice.receipts();
      if (receipts.length === 0) break;
      assert.ok(receipts.length <= limits.receiptsInFlight.value);
      for (const { conversation } of receipts) told.add(conversation);
      alice.acknowledge();
    }
    assert.equal(told.size, 1_000);
    house.disconnect(alice);
    const again = await house.connect('alice');
    for (let i = 0; i < 5; i++) await house.settle();
    assert.deepEqual(again.receipts(), []);
  });
});

describe('what was missed', () => {
  test('while away is made good on connect; what was acknowledged is not repeated', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob', 3);
    const first = await house.connect('alice');
    house.deliver('bob', AB, 1);
    await house.settle();
    first.acknowledge();
    house.deliver('bob', AB, 2);
    await house.settle();
    assert.equal(first.receipts().length, 2);
    house.disconnect(first);
    first.acknowledge();

    const second = await house.connect('alice');
    await house.settle();
    assert.deepEqual(second.receipts().map(shown), [[AB, 2, 0, 0, 1_000_000]], 'its PUBACK did not come on the connection that delivered');
    second.acknowledge();
    house.disconnect(second);
    house.deliver('bob', AB, 3);
    await house.settle();

    const third = await house.connect('alice');
    await house.settle();
    assert.deepEqual(third.receipts().map(({ delivered }) => delivered), [3n]);
    third.acknowledge();
    house.disconnect(third);
    const fourth = await house.connect('alice');
    await house.settle();
    assert.deepEqual(fourth.receipts(), []);
  });

  test('is not told to a connection that ended while its conversations were fetched', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob');
    house.deliver('bob', AB, 1);
    const { log } = house.context.storage;
    const conversations = await log.conversationsOf('alice');
    let answer: (conversations: readonly string[]) => void = () => undefined;
    t.mock.method(log, 'conversationsOf', () => new Promise((resolve) => (answer = resolve)));
    const asked = house.connect('alice');
    await new Promise(setImmediate);
    const [alice] = house.context.hub.of('alice') as Device[];
    house.disconnect(alice);
    answer(conversations);
    await asked;
    await house.settle();
    assert.deepEqual(alice.receipts(), []);
  });

  test('is each device its own to know', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob');
    const phone = await house.connect('alice', 'phone');
    house.deliver('bob', AB, 1);
    await house.settle();
    phone.acknowledge();
    const laptop = await house.connect('alice', 'laptop');
    await house.settle();
    assert.equal(laptop.receipts().length, 1);
  });

  for (const options of [{ live: true }, { qos: 0 as const }]) {
    test(`is not kept for ${options.live ? 'a live session' : 'QoS 0'}: it is told what moves while it is there`, async (t) => {
      const house = await openHouse(t);
      await house.write('alice', 'bob', 3);
      const alice = await house.connect('alice', 'phone', options);
      house.deliver('bob', AB, 1);
      await house.settle();
      alice.acknowledge();
      assert.deepEqual(alice.receipts().map(({ delivered }) => delivered), [1n]);
      house.deliver('bob', AB, 1);
      await house.settle();
      assert.deepEqual(alice.receipts(), [], 'nothing moved');
      house.deliver('bob', AB, 2);
      await house.settle();
      assert.deepEqual(alice.receipts().map(({ delivered }) => delivered), [2n]);
      assert.equal(await house.context.storage.cursors.device('alice', 'phone', AB), undefined);
    });
  }
});

describe('reading', () => {
  test('is told to the author with its time, and to the reader\'s other devices', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob', 4);
    const [alice, phone, laptop] = [await house.connect('alice'), await house.connect('bob', 'phone'), await house.connect('bob', 'laptop')];
    house.deliver('bob', AB, 4);
    await house.settle();
    alice.receipts();
    alice.acknowledge();
    house.clock.nowMs += 5_000;
    assert.equal(await house.read(phone, AB, 3), undefined);
    await house.settle();
    assert.deepEqual(alice.receipts().map(shown), [[AB, 4, 3, 0, 1_005_000]]);
    assert.deepEqual(laptop.receipts().map(shown), [[AB, 0, 0, 3, 1_005_000]]);
    assert.deepEqual(phone.receipts(), [], 'it knows');
  });

  test('also delivers', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob', 4);
    const [alice, bob] = [await house.connect('alice'), await house.connect('bob')];
    await house.read(bob, AB, 2);
    await house.settle();
    assert.deepEqual(alice.receipts().map(shown), [[AB, 2, 2, 0, 1_000_000]]);
  });

  test('on one device is told to another when that comes back, once', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob', 4);
    const phone = await house.connect('bob', 'phone');
    await house.read(phone, AB, 4);
    const laptop = await house.connect('bob', 'laptop');
    await house.settle();
    assert.deepEqual(laptop.receipts().map(({ ownRead }) => ownRead), [4n]);
    laptop.acknowledge();
    for (const device of [phone, laptop]) house.disconnect(device);
    for (const device of ['phone', 'laptop']) {
      const again = await house.connect('bob', device);
      await house.settle();
      assert.deepEqual(again.receipts(), [], device);
    }
  });

  test('beyond the head is reading to the head; it never goes back', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob', 4);
    const bob = await house.connect('bob');
    const readOf = async (): Promise<number> => (await house.context.storage.cursors.user('bob', AB)).read;
    await house.read(bob, AB, 2 ** 53);
    assert.equal(await readOf(), 4);
    await house.read(bob, AB, 1);
    assert.equal(await readOf(), 4);
    await house.write('alice', 'bob');
    assert.equal(await readOf(), 4, 'the cursor stood at the head, not beyond');
  });

  test('is durable before it is answered', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob');
    const { cursors } = house.context.storage;
    const order: string[] = [];
    const setRead = cursors.setRead.bind(cursors);
    t.mock.method(cursors, 'setRead', async (...args: Parameters<typeof setRead>) => {
      await new Promise(setImmediate);
      const moved = await setRead(...args);
      order.push('durable');
      return moved;
    });
    await house.read(await house.connect('bob'), AB, 1);
    order.push('answered');
    assert.deepEqual(order, ['durable', 'answered']);
  });

  test('is for members of a conversation that exists', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob');
    const carol = await house.connect('carol');
    assert.equal((await house.read(carol, AB, 1))?.code, Code.UNKNOWN_CONVERSATION);
    assert.equal((await house.read(carol, directConversation('carol', 'dave'), 1))?.code, Code.UNKNOWN_CONVERSATION);
    assert.equal((await house.context.storage.cursors.user('carol', AB)).read, 0);
    const refusal = await house.plugin.control!.read!(carol, { kind: 'read', conversation: AB }, new Uint8Array([0xff]));
    assert.equal(refusal?.code, Code.MALFORMED);
  });

  test('by read.set: the answer is where the cursor is; every device is told', async (t) => {
    const house = await openHouse(t);
    await house.write('alice', 'bob', 4);
    const bob = await house.connect('bob');
    const caller: Caller = { user: 'bob', device: undefined, admin: false, expiresAtMs: 0, session: undefined, address: '' };
    const call = async (conversation: string, seq: bigint): Promise<unknown> => house.plugin.methods!['read.set']!(caller, { conversation, seq }, new Uint8Array(0));
    assert.deepEqual(await call(AB, 3n), { seq: 3n });
    assert.deepEqual(await call(AB, 1n), { seq: 3n });
    assert.deepEqual(await call(AB, 2n ** 64n - 1n), { seq: 4n });
    await house.settle();
    assert.deepEqual(bob.receipts().map(({ ownRead }) => ownRead), [4n]);
    const refused = (code: Code) => (error: unknown) => error instanceof RefusedError && error.refusal.code === code;
    await assert.rejects(call(directConversation('alice', 'carol'), 1n), refused(Code.UNKNOWN_CONVERSATION));
    await assert.rejects(call('nonsense', 1n), refused(Code.MALFORMED));
  });
});
