import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from 'godwit-schemas';
import { tokenFor } from '../support/address.js';
import type { Scope } from '../support/folder.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { Wire, type WireOptions } from '../support/wire.js';

/** The return code of the CONNACK; undefined: closed without one. A refused connection is closed. */
async function connack(t: Scope, server: TestServer, id: string, options: WireOptions = {}): Promise<number | undefined> {
  const wire = await Wire.dial(t, server, id);
  try {
    const { returnCode, sessionPresent } = await wire.login(server, id, options);
    if (returnCode === 0) await wire.leave();
    else {
      assert.equal(sessionPresent, false);
      await wire.closed();
    }
    return returnCode;
  } catch {
    assert.equal(wire.open, false);
    return undefined;
  }
}

const bytes = (text: string): Buffer => Buffer.from(text);

describe('a CONNECT', () => {
  test('with a token of the user is accepted', async (t) => {
    const server = await startGodwit(t);
    assert.equal(await connack(t, server, 'alice:phone'), 0);
    assert.equal(await connack(t, server, `${'a'.repeat(64)}:${'d'.repeat(32)}`), 0);
    const password = bytes(tokenFor(server, 'alice', { device: 'phone' }));
    assert.equal(await connack(t, server, 'alice:phone', { password }), 0);
  });

  test('of another protocol version is refused with 1', async (t) => {
    const server = await startGodwit(t);
    assert.equal(await connack(t, server, 'alice:phone', { protocolVersion: 5 }), 1);
  });

  test('with a bad client id is refused with 2', async (t) => {
    const server = await startGodwit(t);
    const ids = ['alice', 'alice:', ':phone', 'alice:phone:more', 'al ice:phone', 'alice/x:phone', 'alice:ph+ne', 'älice:phone', `${'a'.repeat(65)}:phone`, `alice:${'d'.repeat(33)}`];
    for (const clientId of ids) assert.equal(await connack(t, server, 'alice:phone', { clientId }), 2, clientId);
    assert.equal(await connack(t, server, 'alice:phone', { clientId: '', clean: true }), 2, 'an empty one');
  });

  test('without a token, or with one that is none, is refused with 4', async (t) => {
    const server = await startGodwit(t);
    for (const password of ['no token', 'a.b', 'a.b.c', '']) assert.equal(await connack(t, server, 'alice:phone', { password: bytes(password) }), 4, password);
    assert.equal(await connack(t, server, 'alice:phone', { password: undefined }), 4);
  });

  test('with a token that is not good, or not for it, is refused with 5', async (t) => {
    const server = await startGodwit(t);
    const good = tokenFor(server, 'alice', { days: 1 });
    const [head, claims, signature] = good.split('.');
    const changed = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims, 'base64url').toString()), admin: true })).toString('base64url');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`;
    const tokens = new Map([
      ['of another user', tokenFor(server, 'bob')],
      ['of another device', tokenFor(server, 'alice', { device: 'laptop' })],
      ['signed with another secret', tokenFor({ ...server, secret: 'x'.repeat(40) }, 'alice')],
      ['not signed', none],
      ['with changed claims', `${head}.${changed}.${signature}`],
    ]);
    for (const [what, token] of tokens) assert.equal(await connack(t, server, 'alice:phone', { password: bytes(token) }), 5, what);
    assert.equal(await connack(t, server, 'alice:phone', { username: 'bob' }), 5, 'another username');
    assert.equal(await connack(t, server, 'alice:phone', { username: undefined, password: undefined }), 5, 'no username');
    server.clock.advance(25 * 3_600_000);
    assert.equal(await connack(t, server, 'alice:phone', { password: bytes(good) }), 5, 'expired');
  });

  test('with a will that may not be published is refused with 5', async (t) => {
    const server = await startGodwit(t);
    for (const topic of ['presence/bob', 'read/d:bob:carol', 'no/such/topic', 'u/alice/msg', '$SYS/x']) {
      assert.equal(await connack(t, server, 'alice:phone', { will: { topic, payload: bytes(''), qos: 0, retain: false } }), 5, topic);
    }
    assert.equal(await connack(t, server, 'alice:phone', { will: { topic: 'presence/alice', payload: bytes(''), qos: 0, retain: true } }), 0);
  });

  test('that a fault of the server keeps it from answering is refused with 3', async (t) => {
    const plugin = { name: 'broken', authenticate: () => Promise.reject(new Error('the directory of users is away')) };
    const server = await startGodwit(t, { plugins: [plugin], errorsExpected: true });
    assert.equal(await connack(t, server, 'alice:phone'), 3);
  });

  test('of a user who connects more than userConnectsPerMinute times is refused with 3, others are not', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_CONNECTS_PER_MINUTE: '10000' } });
    const most = limits.userConnectsPerMinute.value;
    for (let i = 0; i < most; i++) assert.equal(await connack(t, server, `alice:d${i % 5}`), 0);
    assert.equal(await connack(t, server, 'alice:phone'), 3);
    assert.equal(await connack(t, server, 'bob:phone'), 0);
    server.clock.advance(60_000 / most);
    assert.equal(await connack(t, server, 'alice:phone'), 0);
  });

  test('from an address that connects more than connectsPerMinute times is refused with 3', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_CONNECTS_PER_MINUTE: '5' } });
    assert.equal(limits.connectsPerMinute.value, 600);
    for (let i = 0; i < 5; i++) assert.equal(await connack(t, server, `user${i}:phone`), 0);
    assert.equal(await connack(t, server, 'user6:phone'), 3);
    server.clock.advance(12_000);
    assert.equal(await connack(t, server, 'user6:phone'), 0);
  });

  test('from an address whose logins were refused failedLoginsPerMinute times is refused with 3, a good one too', async (t) => {
    const server = await startGodwit(t);
    const most = limits.failedLoginsPerMinute.value;
    for (let i = 0; i < most; i++) assert.equal(await connack(t, server, 'alice:phone', { password: bytes(tokenFor(server, 'bob')) }), 5);
    assert.equal(await connack(t, server, 'alice:phone'), 3);
    server.clock.advance(60_000 / most);
    assert.equal(await connack(t, server, 'alice:phone'), 0);
  });
});

describe('before its CONNECT', () => {
  const packets: [string, Buffer][] = [
    ['a PINGREQ', Buffer.from([0xc0, 0])],
    ['a PUBLISH', Buffer.from('300700026f6b68656c', 'hex')],
    ['a SUBSCRIBE', Buffer.from('82080001000361612f01', 'hex')],
    ['a CONNACK', Buffer.from([0x20, 2, 0, 0])],
    ['an HTTP request', bytes('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a length of five bytes', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 1])],
    ['a reserved type', Buffer.from([0xf0, 0])],
    ['a CONNECT that is none', Buffer.from('100400044d515454', 'hex')],
    ['a CONNECT of no known protocol', Buffer.from('100c00044d5154580402003c0000', 'hex')],
  ];
  for (const [what, packet] of packets) {
    test(`${what} ends the connection`, async (t) => {
      const server = await startGodwit(t);
      const wire = await Wire.dial(t, server);
      wire.write(packet);
      await wire.closed();
      assert.ok(!wire.packets.all.some((it) => it.cmd === 'connack' && it.returnCode === 0));
    });
  }

  test('more than connectBytes are not taken', async (t) => {
    const server = await startGodwit(t);
    const wire = await Wire.dial(t, server);
    const length = limits.connectBytes.value + 1;
    wire.write(Buffer.from([0x10, (length & 127) | 128, length >> 7]));
    await wire.closed();
    const size = limits.connectBytes.value - 1_000;
    assert.equal(await connack(t, server, 'alice:phone', { will: { topic: 'to/bob', payload: Buffer.alloc(size - 2_000), qos: 0, retain: false } }), 0);
  });
});

describe('after its CONNECT', () => {
  const packets: [string, Buffer][] = [
    ['a second CONNECT', Buffer.from('101000044d5154540402003c0004613a6262', 'hex')],
    ['a PUBLISH of QoS 3', Buffer.from('36080004746f2f610001', 'hex')],
    ['a PUBLISH with an empty topic', Buffer.from('3002000068', 'hex').subarray(0, 4)],
    ['a PUBLISH with a wildcard', Buffer.from('30060004746f2f23', 'hex')],
    ['a PUBLISH with bad UTF-8', Buffer.from('30060004746f2fff', 'hex')],
    ['a PUBLISH with packet id 0', Buffer.from('32080004746f2f610000', 'hex')],
    ['a PUBLISH that ends in its topic', Buffer.from('30040010746f', 'hex')],
    ['a PUBACK of a wrong length', Buffer.from('4003000100', 'hex')],
    ['a reserved type', Buffer.from([0xf0, 0])],
    ['a packet beyond packetBytes', Buffer.from([0x30, 0x81, 0x88, 0x04])],
    ['a SUBSCRIBE without a filter', Buffer.from('82020001', 'hex')],
  ];
  for (const [what, packet] of packets) {
    test(`${what} ends the connection, and no other`, async (t) => {
      const server = await startGodwit(t);
      const other = await Wire.connect(t, server, 'bob:phone');
      const wire = await Wire.connect(t, server, 'alice:phone');
      wire.write(packet);
      await wire.closed();
      await other.pong();
    });
  }

  test('what came right behind it is handled after the CONNACK', async (t) => {
    const server = await startGodwit(t);
    const wire = await Wire.dial(t, server);
    const login = wire.login(server, 'alice:phone');
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'u/alice/#', qos: 1 }] });
    const packetId = wire.message('alice', 'note', {}, { messageId: 2 });
    wire.send({ cmd: 'pingreq' });
    await login;
    await wire.puback(packetId);
    await wire.packets.wait('the PINGRESP', (it) => it.cmd === 'pingresp');
    assert.equal(wire.packets.all[0].cmd, 'connack');
    assert.ok(wire.packets.all.some((it) => it.cmd === 'suback'));
  });
});

describe('keepalive', () => {
  test('ends a connection that is silent for 1.5 times of it; any packet keeps it', async (t) => {
    const server = await startGodwit(t);
    const silent = await Wire.connect(t, server, 'alice:phone', { keepalive: 1 });
    const busy = await Wire.connect(t, server, 'bob:phone', { keepalive: 1 });
    const slow = await Wire.connect(t, server, 'carol:phone', { keepalive: 1 });
    const talk = setInterval(() => busy.open && busy.message('bob', 'note', {}, { qos: 0 }), 300);
    const ping = setInterval(() => slow.open && slow.send({ cmd: 'pingreq' }), 800);
    t.after(() => [talk, ping].forEach((it) => clearInterval(it)));
    await silent.closed();
    const again = await Wire.connect(t, server, 'alice:phone', { keepalive: 1 });
    await again.closed();
    await busy.pong();
    await slow.pong();
  });
});
