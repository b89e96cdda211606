import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, create, Flag, limits, MessageSchema, RequestSchema, toBinary } from 'godwit-schemas';
import { tokenFor } from '../support/address.js';
import { newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { httpCall } from '../support/http.js';
import { Wire } from '../support/wire.js';

const conversation = 'd:alice:bob';
const message = (body: string, fields = {}) => create(MessageSchema, { body: Buffer.from(body), ...fields });

describe('messages.send', () => {
  test('by HTTP is a message of no device: all of both users receive it', async (t) => {
    const server = await startGodwit(t);
    const phone = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    const id = newId();
    const { status, value } = await httpCall(server, 'alice', 'messages.send', { to: 'bob', message: message('from a bot', { id, flags: Flag.bare }) });
    assert.equal(status, 200);
    assert.deepEqual([Buffer.from(value!.id), value!.seq, value!.conversation], [Buffer.from(id), 1n, conversation]);
    for (const device of [phone, bob]) {
      const it = (await device.message('from a bot')).value;
      assert.deepEqual([it.from, it.fromDevice, it.seq, it.sentAtMs], ['alice', '', 1n, value!.sentAtMs]);
    }
    // It gets its ticks like any other.
    await phone.next('receipt', 'delivered', (it) => it.value.delivered === 1n);
  });

  test('without an id is given one; with one it is there once', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const first = await httpCall(server, 'alice', 'messages.send', { to: 'bob', message: message('one') });
    assert.equal(first.value!.id.length, 16);
    const id = newId();
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await httpCall(server, 'alice', 'messages.send', { to: 'bob', message: message('two', { id }) }));
    assert.deepEqual(answers.map((it) => [it.status, it.value!.seq]), [[200, 2n], [200, 2n], [200, 2n]]);
    await bob.messages(2);
    await bob.settled();
    assert.deepEqual(bob.bodies, ['one', 'two']);
  });

  test('by MQTT is the same call', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    const { value } = await alice.call('messages.send', { to: 'bob', message: message('by call') });
    assert.equal(value!.seq, 1n);
    await bob.message('by call');
    await alice.message('by call');
  });

  test('is refused as a publish is, with the status of the code', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_MESSAGES_PER_MINUTE: '1' } });
    await Device.connect(t, server, 'bob:phone');
    const send = (params: Parameters<typeof httpCall<'messages.send'>>[3]) => httpCall(server, 'alice', 'messages.send', params);
    const cases: [Parameters<typeof send>[0], Code, number][] = [
      [{ to: 'nobody', message: message('hello') }, Code.UNKNOWN_USER, 404],
      [{ to: 'bob' }, Code.MALFORMED, 400],
      [{ to: 'b b', message: message('hello') }, Code.MALFORMED, 400],
      [{ to: 'bob', message: message('hello', { id: Buffer.from('short') }) }, Code.MALFORMED, 400],
      [{ to: 'bob', message: message('hello', { from: 'eve' }) }, Code.MALFORMED, 400],
      [{ group: 'friends', message: message('hello') }, Code.UNKNOWN_CONVERSATION, 404],
      [{ to: 'bob', message: message('x'.repeat(limits.messageBytes.value)) }, Code.TOO_LARGE, 413],
    ];
    for (const [params, code, status] of cases) {
      const answer = await send(params);
      assert.deepEqual([answer.error?.code, answer.status], [code, status]);
    }
    assert.equal((await send({ to: 'bob', message: message('one') })).status, 200);
    const limited = await send({ to: 'bob', message: message('two') });
    assert.deepEqual([limited.error?.code, limited.status], [Code.RATE_LIMITED, 429]);
    const wait = Number(limited.headers.get('retry-after'));
    assert.ok(wait > 50 && wait <= 60, `${wait} s`);
  });
});

describe('read.set', () => {
  test('moves the read cursor as a publish does: ticks for her, own_read for his devices', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'one');
    await alice.send('bob', 'two');
    await bob.messages(2);
    const { value } = await httpCall(server, 'bob', 'read.set', { conversation, seq: 99n });
    assert.equal(value!.seq, 2n, 'beyond the head: the head');
    await alice.next('receipt', 'read', (it) => it.value.read === 2n);
    await bob.next('receipt', 'own_read', (it) => it.value.ownRead === 2n);
    assert.equal((await httpCall(server, 'bob', 'read.set', { conversation, seq: 1n })).value!.seq, 2n, 'it never goes back');
    assert.equal((await httpCall(server, 'carol', 'read.set', { conversation, seq: 1n })).error?.code, Code.UNKNOWN_CONVERSATION);
    assert.equal((await httpCall(server, 'bob', 'read.set', { conversation: 'd:bob:alice', seq: 1n })).error?.code, Code.MALFORMED);
  });

  test('by the device itself is not told to it again', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    const laptop = await Device.connect(t, server, 'bob:laptop');
    await alice.send('bob', 'one');
    await bob.message('one');
    assert.equal((await bob.call('read.set', { conversation, seq: 1n })).value!.seq, 1n);
    await laptop.next('receipt', 'own_read', (it) => it.value.ownRead === 1n);
    assert.deepEqual(bob.got('receipt'), []);
  });

  test('is durable when it is answered', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'one');
    await httpCall(server, 'bob', 'read.set', { conversation, seq: 1n });
    await server.restart();
    assert.equal((await server.godwit.storage.cursors.user('bob', conversation)).read, 1);
  });
});

describe('auth.renew', () => {
  test('keeps the connection beyond the end of its first token', async (t) => {
    const server = await startGodwit(t);
    const hour = { days: 1 / 24 };
    const kept = await Device.connect(t, server, 'alice:phone', { password: tokenFor(server, 'alice', hour) });
    const left = await Device.connect(t, server, 'alice:laptop', { password: tokenFor(server, 'alice', hour) });
    server.clock.advance(1_800_000);
    const { value } = await kept.call('auth.renew', { token: tokenFor(server, 'alice', hour) });
    assert.ok(Math.abs(Number(value!.expiresAtMs) - server.now() - 3_600_000) < 2_000);
    assert.ok(Math.abs(Number(value!.serverTimeMs) - server.now()) < 2_000);
    server.clock.advance(1_801_000);
    await left.closed;
    assert.equal((await kept.send('alice', 'still here')).code, Code.OK);
    server.clock.advance(1_801_000);
    await kept.closed;
    assert.equal(kept.got('result').at(-1)!.value.code, Code.UNAUTHENTICATED);
  });

  test("with another's, or a bad token is refused, and changes nothing; by HTTP there is nothing to renew", async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    for (const token of [tokenFor(server, 'bob'), tokenFor(server, 'alice', { device: 'laptop' }), tokenFor({ ...server, secret: 'y'.repeat(40) }, 'alice')]) {
      assert.equal((await alice.call('auth.renew', { token })).error?.code, Code.UNAUTHENTICATED);
    }
    assert.equal((await alice.call('auth.renew', { token: 'none' })).error?.code, Code.MALFORMED);
    assert.equal((await httpCall(server, 'alice', 'auth.renew', { token: tokenFor(server, 'alice') })).error?.code, Code.NOT_ALLOWED);
    await alice.send('alice', 'still here');
  });

  test('to a token with admin: true makes an admin of the connection, and one without takes it back', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    assert.equal((await alice.call('admin.users.list', {})).error?.code, Code.NOT_ALLOWED);
    await alice.call('auth.renew', { token: tokenFor(server, 'alice', { admin: true }) });
    assert.equal((await alice.call('admin.users.list', {})).value?.users.length, 1);
    await alice.call('auth.renew', { token: tokenFor(server, 'alice') });
    assert.equal((await alice.call('admin.users.list', {})).error?.code, Code.NOT_ALLOWED);
  });
});

describe('a control call by MQTT', () => {
  test('is answered to the connection that asked, and to no other', async (t) => {
    const server = await startGodwit(t);
    const phone = await Device.connect(t, server, 'alice:phone');
    const laptop = await Device.connect(t, server, 'alice:laptop');
    await phone.call('read.set', { conversation, seq: 1n });
    await laptop.settled();
    assert.deepEqual(laptop.got('rpc'), []);
  });

  test('with the same call id is done once, and answered alike; with something else it is a CONFLICT', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    const callId = newId();
    const params = { to: 'bob', message: message('once') };
    const first = await alice.call('messages.send', params, callId);
    const again = await alice.call('messages.send', params, callId);
    const laptop = await Device.connect(t, server, 'alice:laptop');
    const elsewhere = await laptop.call('messages.send', params, callId);
    const byHttp = await httpCall(server, 'alice', 'messages.send', params, { callId: 'a key' });
    const byHttpAgain = await httpCall(server, 'alice', 'messages.send', params, { callId: 'a key' });
    assert.deepEqual([first.value!.seq, again.value!.seq, elsewhere.value!.seq, byHttp.value!.seq, byHttpAgain.value!.seq], [1n, 1n, 1n, 2n, 2n]);
    assert.equal((await alice.call('messages.send', { to: 'bob', message: message('else') }, callId)).error?.code, Code.CONFLICT);
    assert.equal((await bob.call('messages.send', { to: 'alice', message: message("bob's ids are his") }, callId)).value!.seq, 3n);
    server.clock.advance(limits.callMemoryMs.value + 1);
    assert.equal((await alice.call('messages.send', params, callId)).value!.seq, 4n, 'after callMemoryMs it is a new call');
  });

  test('of no method, or without sense, is refused', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const ask = async (method: string, payload: Uint8Array) => {
      const from = alice.received.all.length;
      alice.client.publish(`rpc/${method}`, Buffer.from(payload), { qos: 1 });
      return (await alice.next('rpc', 'the answer', () => true, from)).value;
    };
    const request = (fields: object): Uint8Array => toBinary(RequestSchema, create(RequestSchema, fields));
    assert.equal((await ask('no.such.method', request({ callId: newId() }))).error?.code, Code.UNKNOWN_METHOD);
    assert.equal((await ask('toString', request({ callId: newId() }))).error?.code, Code.UNKNOWN_METHOD);
    assert.equal((await ask('messages.send', Buffer.from('no Request'))).error?.code, Code.MALFORMED);
    assert.equal((await ask('messages.send', request({ callId: newId(), params: Buffer.from('none') }))).error?.code, Code.MALFORMED);
    assert.equal((await ask('read.set', request({ callId: Buffer.alloc(limits.callIdBytes.value + 1) }))).error?.code, Code.TOO_LARGE);
  });

  test('beyond callsPerMinute of a user is refused', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const most = limits.callsPerMinute.value;
    server.clock.stop();
    const answers = await Promise.all(Array.from({ length: most + 1 }, () => alice.call('read.set', { conversation: 'x' })));
    const codes = answers.map((it) => it.error?.code);
    assert.deepEqual(codes.filter((code) => code === Code.RATE_LIMITED).length, 1);
    assert.equal((await httpCall(server, 'alice', 'read.set', { conversation: 'x' })).status, 429);
    assert.equal((await httpCall(server, 'bob', 'read.set', { conversation: 'x' })).status, 400);
  });

  test('is acknowledged in the order of the publishes around it', async (t) => {
    const server = await startGodwit(t);
    const alice = await Wire.connect(t, server, 'alice:phone');
    await alice.subscribe('u/alice/#');
    const request = toBinary(RequestSchema, create(RequestSchema, { callId: newId() }));
    const ids: number[] = [];
    for (let i = 0; i < 40; i++) ids.push(alice.message('alice', 'note'), alice.publish('rpc/read.set', request), alice.publish('read/d:alice:alice', '\x08\x01'));
    await alice.puback(ids.at(-1)!);
    assert.deepEqual(alice.packets.all.flatMap((it) => (it.cmd === 'puback' ? [it.messageId] : [])), ids);
    await alice.many('rpc', 40);
  });
});
