import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get as httpsGet } from 'node:https';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { limits } from 'godwit-schemas';
import { WebSocket } from 'ws';
import { ListenError } from '../../broker/listeners/index.js';
import { makeCertificate, writeCertificate, type TestCertificate } from './certificate.js';
import { closed, dial, openDoors, readBytes, type Doors } from './doors.js';

async function folderWith(t: TestContext, certificate: TestCertificate): Promise<{ certFile: string; keyFile: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-'));
  t.after(() => rm(folder, { recursive: true }));
  return writeCertificate(folder, certificate);
}

/** What a TLS server on this port shows, to whom does not check it. */
async function shownCertificate(t: TestContext, port: number): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  t.after(() => socket.destroy());
  await once(socket, 'secureConnect');
  return (socket as TLSSocket).getPeerCertificate().subject.CN as string;
}

describe('TCP', () => {
  test('a connection is handed over unread, both ways open', async (t) => {
    const doors = await openDoors(t);
    const socket = await dial(t, doors.listeners.mqttPort);
    const { stream, peer } = await doors.next();
    assert.deepEqual(peer, { address: '127.0.0.1', transport: 'tcp' });
    assert.equal(stream.listenerCount('data') + stream.listenerCount('readable'), 0);
    socket.write('in');
    assert.equal(String(await readBytes(stream, 2)), 'in');
    stream.write('out');
    assert.equal(String(await readBytes(socket, 3)), 'out');
  });

  test('a port in use, and an address that is not ours, are told in one line that names the variable', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.after(() => other.close());
    const { port } = other.address() as { port: number };
    const inUse = (variable: string) => (error: unknown) => {
      assert.ok(error instanceof ListenError);
      assert.equal(error.message, `port ${port} on 127.0.0.1 is in use; set ${variable}`);
      return true;
    };
    await assert.rejects(openDoors(t, { mqttPort: port }), inUse('GODWIT_MQTT_PORT'));
    await assert.rejects(openDoors(t, { httpPort: port }), inUse('GODWIT_HTTP_PORT'));
    await assert.rejects(openDoors(t, { host: '192.0.2.1' }), { name: 'ListenError', message: '192.0.2.1 is not an address of this machine; set GODWIT_HOST' });
  });

  test('one door that cannot be opened leaves none open', async (t) => {
    // Both at once: else the second may be given the port that the first had.
    const [free, taken] = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '127.0.0.1')];
    t.after(() => taken.close());
    await Promise.all([once(free, 'listening'), once(taken, 'listening')]);
    const { port: mqttPort } = free.address() as { port: number };
    await new Promise((done) => free.close(done));
    await assert.rejects(openDoors(t, { mqttPort, httpPort: (taken.address() as { port: number }).port }), ListenError);
    const [error] = await once(connect(mqttPort, '127.0.0.1'), 'error');
    assert.equal(error.code, 'ECONNREFUSED');
  });
});

describe('TLS', () => {
  test('with a certificate MQTT is served over TLS too, and HTTP only so', async (t) => {
    const certificate = makeCertificate();
    const doors = await openDoors(t, { tls: { ...(await folderWith(t, certificate)), mqttsPort: 0 } });
    const socket = connectTls({ port: doors.listeners.mqttsPort!, host: '127.0.0.1', ca: certificate.cert, servername: 'localhost' });
    t.after(() => socket.destroy());
    socket.write('secret');
    const { stream, peer } = await doors.next();
    assert.deepEqual(peer, { address: '127.0.0.1', transport: 'tls' });
    assert.equal(String(await readBytes(stream, 6)), 'secret');

    await dial(t, doors.listeners.mqttPort);
    assert.equal((await doors.next()).peer.transport, 'tcp', 'plain TCP stays');

    const [response] = await once(httpsGet({ port: doors.listeners.httpPort, host: '127.0.0.1', path: '/healthz', ca: certificate.cert, servername: 'localhost', agent: false }), 'response');
    response.resume();
    assert.equal(response.statusCode, 200);

    const ws = new WebSocket(`wss://localhost:${doors.listeners.httpPort}/mqtt`, 'mqtt', { ca: certificate.cert, family: 4 });
    t.after(() => ws.terminate());
    await once(ws, 'open');
    assert.equal((await doors.next()).peer.transport, 'wss');
  });

  test('TLS 1.1 is refused', async (t) => {
    const doors = await openDoors(t, { tls: { ...(await folderWith(t, makeCertificate())), mqttsPort: 0 } });
    for (const port of [doors.listeners.mqttsPort!, doors.listeners.httpPort]) {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' });
      const [error] = await once(socket, 'error');
      assert.match(String(error), /alert protocol version/);
    }
    assert.equal(doors.untaken, 0);
  });

  test('a new certificate is taken without a restart; a bad one is logged and the old one stays', async (t) => {
    const files = await folderWith(t, makeCertificate('old.example'));
    const doors = await openDoors(t, { tls: { ...files, mqttsPort: 0 } });
    const ports = [doors.listeners.mqttsPort!, doors.listeners.httpPort];
    for (const port of ports) assert.equal(await shownCertificate(t, port), 'old.example');

    await writeFile(files.certFile, makeCertificate('other.example').cert);
    await doors.listeners.reloadCertificate();
    for (const port of ports) assert.equal(await shownCertificate(t, port), 'old.example', 'its key is another');
    assert.ok(doors.logged.some(({ level, msg }) => level === 50 && msg === 'the certificate was not changed'));

    const fresh = makeCertificate('new.example');
    await writeFile(files.certFile, fresh.cert);
    await writeFile(files.keyFile, fresh.key);
    await doors.listeners.reloadCertificate();
    for (const port of ports) assert.equal(await shownCertificate(t, port), 'new.example');
  });

  test('a certificate that is missing, broken, or of another key is told in one line', async (t) => {
    const files = await folderWith(t, makeCertificate());
    const other = await folderWith(t, makeCertificate());
    const tls = (change: object) => ({ tls: { ...files, ...change, mqttsPort: 0 } });
    await assert.rejects(openDoors(t, tls({ certFile: '/does/not/exist.pem' })), { name: 'ListenError', message: '/does/not/exist.pem cannot be read (ENOENT); set GODWIT_TLS_CERT' });
    await assert.rejects(openDoors(t, tls({ keyFile: other.keyFile })), (error: Error) => error instanceof ListenError && !error.message.includes('\n') && error.message.includes('set GODWIT_TLS_CERT and GODWIT_TLS_KEY'));
    await writeFile(files.certFile, 'nonsense');
    await assert.rejects(openDoors(t, tls({})), ListenError);
  });

  test('a broken handshake disturbs nobody', async (t) => {
    const doors = await openDoors(t, { tls: { ...(await folderWith(t, makeCertificate())), mqttsPort: 0 } });
    for (const port of [doors.listeners.mqttsPort!, doors.listeners.httpPort]) {
      const socket = await dial(t, port);
      socket.write('this is no ClientHello, and long enough to be sure of it');
      await closed(socket);
      assert.equal(typeof (await shownCertificate(t, port)), 'string');
    }
  });
});

describe('WebSocket', () => {
  const url = (doors: Doors, path = '/mqtt'): string => `ws://127.0.0.1:${doors.listeners.httpPort}${path}`;

  async function open(t: TestContext, doors: Doors, protocol: string | string[] = 'mqtt', options = {}): Promise<WebSocket> {
    const ws = new WebSocket(url(doors), protocol, options);
    t.after(() => ws.terminate());
    await once(ws, 'open');
    return ws;
  }

  /** The status with which the upgrade is refused. */
  async function refused(ws: WebSocket): Promise<number> {
    ws.on('error', () => undefined);
    const [, response] = await once(ws, 'unexpected-response');
    response.resume();
    return response.statusCode;
  }

  test('frames are a stream of bytes, however they are cut', async (t) => {
    const doors = await openDoors(t);
    const ws = await open(t, doors);
    assert.equal(ws.protocol, 'mqtt');
    const { stream, peer } = await doors.next();
    assert.deepEqual(peer, { address: '127.0.0.1', transport: 'ws' });
    ws.send(Buffer.from('ab'));
    ws.send(Buffer.from('c'), { fin: false });
    ws.send(Buffer.from('d'), { fin: true });
    assert.equal(String(await readBytes(stream, 4)), 'abcd');
    stream.write(Buffer.from('out'));
    const [data, isBinary] = await once(ws, 'message');
    assert.equal(String(data), 'out');
    assert.equal(isBinary, true);
  });

  test('a written buffer is free again once the socket has taken it', async (t) => {
    const doors = await openDoors(t);
    const ws = await open(t, doors);
    const { stream } = await doors.next();
    const buffer = Buffer.from('first');
    stream.write(buffer);
    assert.equal(stream.writableLength, 0);
    buffer.fill('x');
    const [data] = await once(ws, 'message');
    assert.equal(String(data), 'first');
  });

  test('a client that does not read is seen in writableLength, and gets everything when it reads again', async (t) => {
    const doors = await openDoors(t);
    const ws = await open(t, doors);
    const { stream } = await doors.next();
    ws.pause();
    const chunk = Buffer.alloc(65_536, 1);
    let written = 0;
    while (stream.writableLength < 1_048_576) {
      stream.write(chunk);
      written += chunk.length;
      await new Promise(setImmediate);
    }
    let received = 0;
    ws.on('message', (data: Buffer) => (received += data.length));
    ws.resume();
    while (received < written) await once(ws, 'message');
    assert.equal(received, written);
    assert.equal(stream.writableLength, 0);
  });

  test('a stream that is not read stops the client, and loses nothing', async (t) => {
    const doors = await openDoors(t);
    const ws = await open(t, doors);
    const { stream } = await doors.next();
    const chunk = Buffer.alloc(60_000, 2);
    let sent = 0;
    while (ws.bufferedAmount < 1_048_576) {
      ws.send(chunk);
      sent += chunk.length;
      await new Promise(setImmediate);
    }
    assert.ok(stream.readableLength < 1_048_576, 'what is not read is not taken');
    assert.equal((await readBytes(stream, sent)).length, sent);
  });

  test('the end of either side is the end of the other', async (t) => {
    const doors = await openDoors(t);
    const first = await open(t, doors);
    const { stream } = await doors.next();
    first.close();
    stream.resume();
    await once(stream, 'close');

    const second = await open(t, doors);
    const { stream: other } = await doors.next();
    other.end(Buffer.from('bye'));
    assert.equal(String((await once(second, 'message'))[0]), 'bye');
    await once(second, 'close');

    const third = await open(t, doors);
    const { stream: last } = await doors.next();
    last.destroy();
    assert.equal((await once(third, 'close'))[0], 1006);
  });

  test('text is no MQTT (MQTT-6.0.0-1)', async (t) => {
    const doors = await openDoors(t);
    const ws = await open(t, doors);
    const { stream } = await doors.next();
    ws.send('text');
    assert.equal((await once(ws, 'close'))[0], 1003);
    assert.equal(stream.readableLength, 0);
  });

  test('mqttv3.1 is taken; no subprotocol, another one, and another path are refused', async (t) => {
    const doors = await openDoors(t);
    assert.equal((await open(t, doors, ['mqttv3.1'])).protocol, 'mqttv3.1');
    assert.equal((await open(t, doors, ['soap', 'mqtt'])).protocol, 'mqtt');
    assert.equal(await refused(new WebSocket(url(doors))), 400);
    assert.equal(await refused(new WebSocket(url(doors), 'soap')), 400);
    assert.equal(await refused(new WebSocket(url(doors, '/elsewhere'), 'mqtt')), 404);
    assert.equal(doors.untaken, 2);
  });

  test('pages of other origins are refused where origins are configured', async (t) => {
    const doors = await openDoors(t, { corsOrigins: ['https://app.example'] });
    const from = (origin: string): WebSocket => new WebSocket(url(doors), 'mqtt', { origin });
    assert.equal(await refused(from('https://evil.example')), 403);
    assert.equal(await refused(from('null')), 403);
    await open(t, doors, 'mqtt', { origin: 'https://app.example' });
    await open(t, doors, 'mqtt', { origin: `http://127.0.0.1:${doors.listeners.httpPort}` });
    await open(t, doors);
    const unconfigured = await openDoors(t);
    await open(t, unconfigured, 'mqtt', { origin: 'https://anyone.example' });
  });

  test('a first message beyond packetBytes is cut off before it is whole', async (t) => {
    const doors = await openDoors(t);
    const ws = await open(t, doors);
    const { stream } = await doors.next();
    ws.on('error', () => undefined);
    ws.send(Buffer.alloc(limits.packetBytes.value / 2), { fin: false });
    ws.send(Buffer.alloc(limits.packetBytes.value), { fin: false });
    await Promise.all([once(ws, 'close'), once(stream.resume(), 'close')]);
    assert.equal(stream.readableLength, 0);
  });

  test('a later message may hold many packets, up to webSocketMessageBytes', async (t) => {
    const doors = await openDoors(t);
    const ws = await open(t, doors);
    const { stream } = await doors.next();
    ws.on('error', () => undefined);
    const most = limits.webSocketMessageBytes.value;
    ws.send(Buffer.from('1'));
    assert.equal((await readBytes(stream, 1)).length, 1);
    ws.send(Buffer.alloc(most));
    assert.equal((await readBytes(stream, most)).length, most);
    const ended = new Promise((resolve) => stream.once('close', resolve));
    ws.send(Buffer.alloc(most + 1));
    assert.equal((await once(ws, 'close'))[0], 1009);
    await ended;
  });
});

describe('stopping', () => {
  test('stopAccepting: no new MQTT by any door and no calls, but health is told and connections go on', async (t) => {
    const doors = await openDoors(t);
    const { mqttPort, httpPort } = doors.listeners;
    const socket = await dial(t, mqttPort);
    const { stream } = await doors.next();
    doors.listeners.stopAccepting();
    doors.ready.ok = false;
    doors.ready.reason = 'stopping';

    const [error] = await once(connect(mqttPort, '127.0.0.1'), 'error');
    assert.equal(error.code, 'ECONNREFUSED');
    const ws = new WebSocket(`ws://127.0.0.1:${httpPort}/mqtt`, 'mqtt');
    ws.on('error', () => undefined);
    assert.equal((await once(ws, 'unexpected-response'))[1].statusCode, 503);
    const base = `http://127.0.0.1:${httpPort}`;
    assert.equal((await fetch(`${base}/healthz`)).status, 200);
    const readiness = await fetch(`${base}/readyz`);
    assert.deepEqual([readiness.status, await readiness.text()], [503, 'stopping\n']);
    const call = await fetch(`${base}/v1/read.set`, { method: 'POST', headers: { authorization: 'Bearer alice' } });
    assert.deepEqual([call.status, call.headers.get('retry-after')], [503, '1']);

    socket.write('still here');
    assert.equal(String(await readBytes(stream, 10)), 'still here');
  });

  test('close: every port is closed, idle HTTP connections too, within the call', async (t) => {
    const doors = await openDoors(t, { trustedProxies: ['127.0.0.1'] });
    const idle = await dial(t, doors.listeners.httpPort);
    idle.write('GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n');
    await once(idle, 'data');
    const silent = await dial(t, doors.listeners.mqttPort);
    await doors.listeners.close();
    await Promise.all([closed(idle), closed(silent)]);
    for (const port of [doors.listeners.mqttPort, doors.listeners.httpPort]) {
      const [error] = await once(connect(port, '127.0.0.1'), 'error');
      assert.equal(error.code, 'ECONNREFUSED');
    }
  });
});
