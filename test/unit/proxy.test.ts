import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { limits } from 'godwit-schemas';
import { WebSocket } from 'ws';
import { Proxies } from '../../broker/config/proxies.js';
import { forwardedAddress, plainAddress } from '../../broker/listeners/address.js';
import { readProxyHeader } from '../../broker/listeners/proxy-header.js';
import type { Plugin } from '../../broker/ports/plugin.js';
import { makeCertificate, writeCertificate } from './certificate.js';
import { closed, dial, openDoors, readBytes } from './doors.js';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

function v2({ command = 0x21, family = 0x11, address = Buffer.from([203, 0, 113, 7, 192, 0, 2, 1, 0x10, 0x92, 0x07, 0x5b]) } = {}): Buffer {
  const head = Buffer.from([command, family, address.length >> 8, address.length & 255]);
  return Buffer.concat([SIGNATURE, head, address]);
}

const IPV6 = Buffer.from('20010db8000000000000000000000001' + '20010db8000000000000000000000002' + '1092075b', 'hex');

describe('a PROXY header', () => {
  const read = [
    { name: 'version 1, IPv4', bytes: Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 4242 1883\r\n'), source: '203.0.113.7' },
    { name: 'version 1, IPv6', bytes: Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 4242 1883\r\n'), source: '2001:db8::1' },
    { name: 'version 1, UNKNOWN', bytes: Buffer.from('PROXY UNKNOWN\r\n'), source: undefined },
    { name: 'version 1, UNKNOWN with more', bytes: Buffer.from('PROXY UNKNOWN ff:ff::1 :: 1 2\r\n'), source: undefined },
    { name: 'version 2, IPv4', bytes: v2(), source: '203.0.113.7' },
    { name: 'version 2, IPv4 with a TLV', bytes: v2({ address: Buffer.concat([v2().subarray(16), Buffer.from([4, 0, 1, 0])]) }), source: '203.0.113.7' },
    { name: 'version 2, IPv6', bytes: v2({ family: 0x21, address: IPV6 }), source: '2001:db8::1' },
    { name: 'version 2, IPv4 mapped into IPv6', bytes: v2({ family: 0x21, address: Buffer.from('00000000000000000000ffffcb007107' + '00000000000000000000ffffc0000201' + '1092075b', 'hex') }), source: '203.0.113.7' },
    { name: 'version 2, LOCAL', bytes: v2({ command: 0x20 }), source: undefined },
    { name: 'version 2, LOCAL without addresses', bytes: v2({ command: 0x20, family: 0, address: Buffer.alloc(0) }), source: undefined },
    { name: 'version 2, a Unix socket', bytes: v2({ family: 0x31, address: Buffer.alloc(216) }), source: undefined },
  ];
  for (const { name, bytes, source } of read) {
    test(`${name}: is read, however it arrives`, () => {
      assert.deepEqual(readProxyHeader(Buffer.concat([bytes, Buffer.from([0x10, 0])])), { kind: 'header', length: bytes.length, source });
      for (let length = 1; length < bytes.length; length++) assert.deepEqual(readProxyHeader(bytes.subarray(0, length)), { kind: 'more' }, `after ${length} bytes`);
    });
  }

  const broken = [
    { name: 'an address that is none', bytes: 'PROXY TCP4 203.0.113.777 192.0.2.1 4242 1883\r\n' },
    { name: 'an address of the other family', bytes: 'PROXY TCP4 2001:db8::1 2001:db8::2 4242 1883\r\n' },
    { name: 'a family that is none', bytes: 'PROXY TCP5 203.0.113.7 192.0.2.1 4242 1883\r\n' },
    { name: 'a port that is none', bytes: 'PROXY TCP4 203.0.113.7 192.0.2.1 70000 1883\r\n' },
    { name: 'too few words', bytes: 'PROXY TCP4 203.0.113.7\r\n' },
    { name: 'a line that does not end', bytes: 'PROXY UNKNOWN '.padEnd(200, 'x') },
    { name: 'an unknown version', bytes: v2({ command: 0x31 }) },
    { name: 'an unknown command', bytes: v2({ command: 0x22 }) },
    { name: 'too few bytes for its addresses', bytes: v2({ address: Buffer.alloc(8) }) },
    { name: 'more bytes than proxyHeaderBytes', bytes: v2({ address: Buffer.alloc(limits.proxyHeaderBytes.value) }) },
  ];
  for (const { name, bytes } of broken) {
    test(`with ${name}: is bad`, () => assert.equal(readProxyHeader(Buffer.from(bytes as string)).kind, 'bad'));
  }

  test('is not seen in MQTT, TLS and HTTP', () => {
    for (const bytes of [Buffer.from([0x10, 0x20]), Buffer.from([0x16, 3, 1]), Buffer.from('POST /v1/'), Buffer.from('PROPFIND /'), Buffer.from('GET / HTTP/1.1')]) {
      assert.deepEqual(readProxyHeader(bytes), { kind: 'none' });
    }
  });
});

describe('an address', () => {
  test('mapped into IPv6 is shown as the IPv4 address it is', () => {
    assert.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(plainAddress('2001:db8::1'), '2001:db8::1');
    assert.equal(plainAddress('192.0.2.1'), '192.0.2.1');
  });

  test('in X-Forwarded-For counts as far as proxies are trusted', () => {
    const proxies = new Proxies(['10.0.0.0/8', '127.0.0.1']);
    const of = (socket: string, header?: string): string => forwardedAddress(socket, header, proxies);
    assert.equal(of('203.0.113.9', '1.2.3.4'), '203.0.113.9', 'from an untrusted address');
    assert.equal(of('127.0.0.1', '1.2.3.4'), '1.2.3.4');
    assert.equal(of('::ffff:127.0.0.1', '1.2.3.4'), '1.2.3.4');
    assert.equal(of('127.0.0.1', '6.6.6.6, 1.2.3.4, 10.1.1.1'), '1.2.3.4', 'what the client itself wrote does not count');
    assert.equal(of('127.0.0.1', '1.2.3.4:5678'), '1.2.3.4');
    assert.equal(of('127.0.0.1', '[2001:db8::1]:5678'), '2001:db8::1');
    assert.equal(of('127.0.0.1', 'nonsense'), '127.0.0.1');
    assert.equal(of('127.0.0.1'), '127.0.0.1');
  });
});

describe('MQTT behind a proxy', () => {
  test('the client is the one the header names, and what follows the header is read first', async (t) => {
    const doors = await openDoors(t, { trustedProxies: ['127.0.0.0/8'] });
    for (const header of [Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 4242 1883\r\n'), v2()]) {
      const socket = await dial(t, doors.listeners.mqttPort);
      socket.write(Buffer.concat([header, Buffer.from('first ')]));
      const { stream, peer } = await doors.next();
      assert.deepEqual(peer, { address: '203.0.113.7', transport: 'tcp' });
      socket.write('second');
      assert.equal(String(await readBytes(stream, 12)), 'first second');
    }
  });

  test('what came with the header goes through the push of whoever took the stream', async (t) => {
    const pushed: Buffer[] = [];
    const doors = await openDoors(t, {
      trustedProxies: ['127.0.0.1'],
      onAccept: ({ stream }) => {
        stream.push = (chunk: Buffer) => {
          pushed.push(chunk);
          stream.emit('pushed');
          return true;
        };
      },
    });
    const socket = await dial(t, doors.listeners.mqttPort);
    socket.write(Buffer.concat([v2(), Buffer.from('one')]));
    const { stream } = await doors.next();
    if (pushed.length === 0) await once(stream, 'pushed');
    socket.write('two');
    while (Buffer.concat(pushed).length < 6) await once(stream, 'pushed');
    assert.equal(String(Buffer.concat(pushed)), 'onetwo');
    assert.equal(stream.read(), null, 'nothing went by another way');
  });

  test('a header that drips in is read', async (t) => {
    const doors = await openDoors(t, { trustedProxies: ['127.0.0.1'] });
    const socket = await dial(t, doors.listeners.mqttPort);
    socket.setNoDelay(true);
    for (const byte of Buffer.concat([v2(), Buffer.from('x')])) await new Promise((sent) => socket.write(Buffer.from([byte]), sent));
    const { stream, peer } = await doors.next();
    assert.equal(peer.address, '203.0.113.7');
    assert.equal(String(await readBytes(stream, 1)), 'x');
  });

  test('a trusted proxy without a header speaks for itself', async (t) => {
    const doors = await openDoors(t, { trustedProxies: ['127.0.0.1'] });
    const socket = await dial(t, doors.listeners.mqttPort);
    socket.write(Buffer.from([0x10, 0x0c]));
    const { stream, peer } = await doors.next();
    assert.equal(peer.address, '127.0.0.1');
    assert.deepEqual(await readBytes(stream, 2), Buffer.from([0x10, 0x0c]));
  });

  test('LOCAL is the proxy itself', async (t) => {
    const doors = await openDoors(t, { trustedProxies: ['127.0.0.1'] });
    const socket = await dial(t, doors.listeners.mqttPort);
    socket.write(v2({ command: 0x20 }));
    assert.equal((await doors.next()).peer.address, '127.0.0.1');
  });

  test('a header of an untrusted address is never parsed: it is data', async (t) => {
    const doors = await openDoors(t, { trustedProxies: ['192.0.2.0/24'] });
    const socket = await dial(t, doors.listeners.mqttPort);
    socket.write(v2());
    const { stream, peer } = await doors.next();
    assert.equal(peer.address, '127.0.0.1');
    assert.deepEqual(await readBytes(stream, 28), v2());
  });

  test('a bad header ends the connection and is logged without its bytes', async (t) => {
    const doors = await openDoors(t, { trustedProxies: ['127.0.0.1'] });
    const socket = await dial(t, doors.listeners.mqttPort);
    socket.write('PROXY TCP4 nonsense\r\n');
    await closed(socket);
    assert.equal(doors.untaken, 0);
    const warning = doors.logged.find(({ why }) => why !== undefined);
    assert.ok(warning && !JSON.stringify(warning).includes('nonsense'));
  });

  test('a header that does not come ends the connection after connectTimeoutMs', async (t) => {
    const doors = await openDoors(t, { trustedProxies: ['127.0.0.1'] });
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const socket = await dial(t, doors.listeners.mqttPort);
    socket.write('PROX');
    const other = await dial(t, doors.listeners.mqttPort);
    other.write('x');
    await doors.next();
    t.mock.timers.tick(limits.connectTimeoutMs.value);
    await closed(socket);
  });
});

describe('TLS, HTTP and WebSocket behind a proxy', () => {
  const whoAmI: Plugin = { name: 'who', methods: { 'read.set': (caller) => { throw new Error(`asked from ${caller.address}`); } } };
  const addresses = (logged: Record<string, unknown>[]): string[] => logged.flatMap(({ err }) => (err as Error | undefined)?.message?.match(/asked from (.*)/)?.[1] ?? []);
  const call = 'POST /v1/read.set HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer alice\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

  test('HTTP: the client is the one the header names', async (t) => {
    const doors = await openDoors(t, { trustedProxies: ['127.0.0.1'], plugins: [whoAmI] });
    const socket = await dial(t, doors.listeners.httpPort);
    socket.write(Buffer.concat([v2(), Buffer.from(call)]));
    await closed(socket);
    assert.deepEqual(addresses(doors.logged), ['203.0.113.7']);
  });

  test('HTTP: or the one in X-Forwarded-For', async (t) => {
    const doors = await openDoors(t, { trustedProxies: ['127.0.0.1'], plugins: [whoAmI] });
    const socket = await dial(t, doors.listeners.httpPort);
    socket.write(call.replace('\r\n\r\n', '\r\nX-Forwarded-For: 203.0.113.8\r\n\r\n'));
    await closed(socket);
    assert.deepEqual(addresses(doors.logged), ['203.0.113.8']);
  });

  test('WebSocket: likewise', async (t) => {
    const doors = await openDoors(t, { trustedProxies: ['127.0.0.1'] });
    const ws = new WebSocket(`ws://127.0.0.1:${doors.listeners.httpPort}/mqtt`, 'mqtt', { headers: { 'X-Forwarded-For': '203.0.113.8' } });
    t.after(() => ws.terminate());
    await once(ws, 'open');
    assert.deepEqual((await doors.next()).peer, { address: '203.0.113.8', transport: 'ws' });
  });

  test('MQTT over TLS and HTTPS: the header stands before the handshake', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'godwit-'));
    t.after(() => rm(folder, { recursive: true }));
    const certificate = makeCertificate();
    const doors = await openDoors(t, { trustedProxies: ['127.0.0.1'], plugins: [whoAmI], tls: { ...(await writeCertificate(folder, certificate)), mqttsPort: 0 } });

    const raw = await dial(t, doors.listeners.mqttsPort!);
    raw.write(v2());
    const secure = connectTls({ socket: raw, ca: certificate.cert, servername: 'localhost' });
    t.after(() => secure.destroy());
    secure.write('hello');
    const { stream, peer } = await doors.next();
    assert.deepEqual(peer, { address: '203.0.113.7', transport: 'tls' });
    assert.equal(String(await readBytes(stream, 5)), 'hello');

    const proxied = await dial(t, doors.listeners.httpPort);
    proxied.write(v2());
    const secured = connectTls({ socket: proxied, ca: certificate.cert, servername: 'localhost' });
    t.after(() => secured.destroy());
    const request = httpsRequest({ createConnection: () => secured, method: 'POST', path: '/v1/read.set', headers: { authorization: 'Bearer alice' } }).end();
    const [response] = await once(request, 'response');
    response.resume();
    assert.equal(response.statusCode, 500);
    assert.deepEqual(addresses(doors.logged), ['203.0.113.7']);

    const direct = connectTls({ port: doors.listeners.mqttsPort!, host: '127.0.0.1', ca: certificate.cert, servername: 'localhost' });
    t.after(() => direct.destroy());
    assert.deepEqual((await doors.next()).peer, { address: '127.0.0.1', transport: 'tls' });
  });
});
