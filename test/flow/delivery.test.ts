import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { directConversation, Flag } from 'godwit-schemas';
import { bodyOf, checkPlaces, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';

const conversation = directConversation('alice', 'bob');

describe('a message from alice to bob', () => {
  test('reaches him when he is online, stamped by the server', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    const id = newId();
    const before = BigInt(server.now());
    const result = await alice.send('bob', 'hello', { id });
    const { value, topic, qos, dup } = await bob.message('hello');
    assert.equal(topic, 'u/bob/msg');
    assert.deepEqual([qos, dup], [1, false]);
    assert.deepEqual(Buffer.from(value.id), Buffer.from(id));
    assert.deepEqual([value.from, value.fromDevice, value.conversation, value.seq], ['alice', 'phone', conversation, 1n]);
    assert.ok(value.sentAtMs >= before && value.sentAtMs <= BigInt(server.now()));
    assert.deepEqual([result.code, result.seq, result.sentAtMs], [0, 1n, value.sentAtMs]);
  });

  test('waits for him when he is offline, and so does everything else, in order', async (t) => {
    const server = await startGodwit(t);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const alice = await Device.connect(t, server, 'alice:phone');
    const bodies = Array.from({ length: 300 }, (_, i) => `message ${i}`);
    await Promise.all(bodies.map((body) => alice.send('bob', body)));
    const bob = await Device.connect(t, server, 'bob:phone');
    const messages = await bob.messages(300);
    assert.deepEqual(messages.map(bodyOf), bodies);
    assert.deepEqual(messages.map((it) => it.value.seq), bodies.map((_, i) => BigInt(i + 1)));
  });

  test('takes the same way when he comes in the middle of it: none is missing, repeated, or overtaken', async (t) => {
    const server = await startGodwit(t);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const alice = await Device.connect(t, server, 'alice:phone');
    const bodies = Array.from({ length: 1_000 }, (_, i) => `message ${i}`);
    const sending = Promise.all(bodies.map((body) => alice.send('bob', body)));
    const bob = await Device.connect(t, server, 'bob:phone');
    const messages = await bob.messages(1_000);
    await sending;
    await bob.settled();
    assert.deepEqual(bob.bodies, bodies);
    checkPlaces(messages);
  });

  test('reaches his every device, and her other ones, but not the one that sent it', async (t) => {
    const server = await startGodwit(t);
    const phone = await Device.connect(t, server, 'bob:phone');
    const tablet = await Device.connect(t, server, 'bob:tablet');
    const alice = await Device.connect(t, server, 'alice:phone');
    const laptop = await Device.connect(t, server, 'alice:laptop');
    await alice.send('bob', 'hello');
    await phone.message('hello');
    await tablet.message('hello');
    const copy = await laptop.message('hello');
    assert.deepEqual([copy.value.from, copy.value.fromDevice], ['alice', 'phone']);
    await alice.settled();
    assert.deepEqual(alice.bodies, []);
  });

  test('says in `after` what came before it, where her own messages lie between', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'a1');
    await bob.send('alice', 'b2');
    await bob.send('alice', 'b3');
    await alice.send('bob', 'a4');
    await alice.send('bob', 'a5');
    await bob.send('alice', 'b6');
    const toAlice = await alice.messages(3);
    const toBob = await bob.messages(3);
    assert.deepEqual(toAlice.map((it) => [it.value.seq, it.value.after]), [[2n, 0n], [3n, 0n], [6n, 3n]]);
    assert.deepEqual(toBob.map((it) => [it.value.seq, it.value.after]), [[1n, 0n], [4n, 1n], [5n, 0n]]);
    // The place before is known also to the next connection.
    await alice.leave();
    await bob.send('alice', 'b7');
    await bob.send('alice', 'b8');
    const again = await Device.connect(t, server, 'alice:phone');
    const later = await again.messages(2);
    assert.deepEqual(later.map((it) => [it.value.seq, it.value.after]), [[7n, 0n], [8n, 0n]]);
    checkPlaces([...toAlice, ...later]);
  });

  test('stands in one order with his to her, the same for both', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    const watchers = [await Device.connect(t, server, 'alice:laptop'), await Device.connect(t, server, 'bob:laptop')];
    await Promise.all(Array.from({ length: 200 }, (_, i) => (i % 2 ? alice.send('bob', `a${i}`) : bob.send('alice', `b${i}`))));
    const [seenByAlice, seenByBob] = await Promise.all(watchers.map((it) => it.messages(200)));
    assert.deepEqual(seenByAlice.map(bodyOf), seenByBob.map(bodyOf));
    assert.deepEqual(seenByAlice.map((it) => it.value.seq), Array.from({ length: 200 }, (_, i) => BigInt(i + 1)));
    checkPlaces(await alice.messages(100));
    checkPlaces(await bob.messages(100));
  });
});

describe('what a message carries', () => {
  test('flags, epoch and devices_revision travel as they are; silent and bare change nothing on the way', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'silent', { flags: Flag.silent, expiresInS: 3600, epoch: 7n, devicesRevision: 9 });
    await alice.send('bob', 'bare', { flags: Flag.bare });
    const silent = (await bob.message('silent')).value;
    assert.deepEqual([silent.flags, silent.expiresInS, silent.epoch, silent.devicesRevision], [Flag.silent, 3600, 7n, 9]);
    assert.equal((await bob.message('bare')).value.flags, Flag.bare);
  });

  test('a silent one does not count as unread', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'one');
    await alice.send('bob', 'a reaction', { flags: Flag.silent });
    await alice.send('bob', 'two');
    assert.equal((await server.godwit.storage.log.head(conversation))?.counted, 2);
  });

  test('the preview is for the push alone: no device is given it', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const laptop = await Device.connect(t, server, 'alice:laptop');
    const bob = await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'hello', { preview: Buffer.from('what a push shows') });
    for (const device of [bob, laptop]) {
      const { value, payload } = await device.message('hello');
      assert.equal(value.preview.length, 0);
      assert.ok(!payload.includes('what a push shows'));
    }
  });

  test('of device_bodies each device is given its own, in place of the body, and no other', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const devices = new Map<string, Device>();
    for (const id of ['bob:phone', 'bob:tablet', 'bob:watch', 'alice:laptop']) devices.set(id, await Device.connect(t, server, id));
    const deviceBodies = { 'bob:phone': Buffer.from('for the phone'), 'bob:tablet': Buffer.from('for the tablet'), 'alice:laptop': Buffer.from('for the laptop') };
    await alice.send('bob', 'for all others', { deviceBodies });
    const expected = new Map([['bob:phone', 'for the phone'], ['bob:tablet', 'for the tablet'], ['bob:watch', 'for all others'], ['alice:laptop', 'for the laptop']]);
    for (const [id, device] of devices) {
      const { value, payload } = await device.message(expected.get(id)!);
      assert.deepEqual(value.deviceBodies, {});
      for (const [other, body] of expected) if (other !== id) assert.ok(!payload.includes(body), `${id} is not given the body of ${other}`);
    }
  });

  test('a message of the largest size goes through whole', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    const body = 'x'.repeat(65_536 - 18 - 4);
    assert.equal((await alice.send('bob', body)).code, 0);
    assert.equal(bodyOf((await bob.messages(1))[0]).length, body.length);
  });
});

describe('the note to self', () => {
  test('is a conversation of one: her other devices have it', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const laptop = await Device.connect(t, server, 'alice:laptop');
    assert.equal((await alice.send('alice', 'milk')).seq, 1n);
    assert.equal((await laptop.message('milk')).value.conversation, 'd:alice:alice');
    await laptop.send('alice', 'and bread');
    assert.equal((await alice.message('and bread')).value.seq, 2n);
    assert.deepEqual([alice.bodies, laptop.bodies], [['and bread'], ['milk']]);
  });
});

test("users with the names of an object's own properties are users like others", async (t) => {
  const server = await startGodwit(t);
  const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty'];
  const devices: Device[] = [];
  for (const name of names) devices.push(await Device.connect(t, server, `${name}:valueOf`));
  for (const device of devices) for (const name of names) assert.equal((await device.send(name, `${device.user} to ${name}`)).code, 0);
  for (const device of devices) {
    const others = names.filter((name) => name !== device.user);
    for (const name of others) assert.equal((await device.message(`${name} to ${device.user}`)).value.from, name);
    assert.equal(device.bodies.length, others.length);
  }
  await server.restart();
  const again = await Device.connect(t, server, '__proto__:valueOf');
  assert.equal(again.sessionPresent, true);
  await again.send('constructor', 'still there');
});
