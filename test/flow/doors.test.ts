import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as dialTls, type TLSSocket } from 'node:tls';
import { get } from 'node:https';
import { describe, test } from 'node:test';
import { WebSocket, createWebSocketStream } from 'ws';
import { limits } from 'godwit-schemas';
import { makeCertificate, writeCertificate, type TestCertificate } from '../unit/certificate.js';
import { Device } from '../support/device.js';
import { temporaryFolder, type Scope } from '../support/folder.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { metricsOf } from '../support/http.js';
import { serveProcess } from '../support/process.js';
import { until } from '../support/recorder.js';
import { Wire } from '../support/wire.js';

interface SecureServer {
  server: TestServer;
  folder: string;
  certificate: TestCertificate;
}

async function startSecure(t: Scope): Promise<SecureServer> {
  const folder = await temporaryFolder(t);
  const certificate = makeCertificate();
  const { certFile, keyFile } = await writeCertificate(folder, certificate);
  const server = await startGodwit(t, { env: { GODWIT_TLS_CERT: certFile, GODWIT_TLS_KEY: keyFile, GODWIT_MQTTS_PORT: '0' }, errorsExpected: true });
  return { server, folder, certificate };
}

/** The serial number of the certificate that a port shows. */
async function serialOf(t: Scope, port: number): Promise<string> {
  const socket: TLSSocket = dialTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
  t.after(() => socket.destroy());
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

function httpsGet(port: number, path: string, ca: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', servername: 'localhost', port, path, ca, agent: false }, (answer) => {
      let body = '';
      answer.on('data', (chunk) => (body += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode!, body }));
    }).on('error', reject);
  });
}

describe('TLS', () => {
  test('carries MQTT, and makes HTTPS and WSS of HTTP and WebSocket', async (t) => {
    const { server, certificate } = await startSecure(t);
    const { mqttsPort, httpPort } = server.godwit;
    const tls = { ca: [certificate.cert], servername: 'localhost' };
    const alice = await Device.connect(t, server, 'alice:phone', { ...tls, protocol: 'mqtts', port: mqttsPort! });
    const bob = await Device.connect(t, server, 'bob:phone', { ...tls, protocol: 'wss', port: httpPort, path: '/mqtt', wsOptions: tls });
    const carol = await Device.connect(t, server, 'carol:phone');
    await alice.send('bob', 'over TLS');
    await bob.message('over TLS');
    await bob.send('carol', 'over WSS');
    await carol.message('over WSS');
    const metrics = await httpsGet(httpPort, '/metrics', certificate.cert);
    for (const transport of ['tls', 'wss', 'tcp']) assert.match(metrics.body, new RegExp(`godwit_connections\\{transport="${transport}"\\} 1`));
    await assert.rejects(fetch(`http://127.0.0.1:${httpPort}/healthz`), 'plain HTTP is not served beside it');
  });

  test('reads its certificate again; connections go on, and a bad one changes nothing', async (t) => {
    const { server, folder, certificate } = await startSecure(t);
    const ports = [server.godwit.mqttsPort!, server.godwit.httpPort];
    const before = await serialOf(t, ports[0]);
    const alice = await Device.connect(t, server, 'alice:phone', { protocol: 'mqtts', port: ports[0], ca: [certificate.cert], servername: 'localhost' });
    await writeCertificate(folder, makeCertificate());
    await server.godwit.reloadCertificate();
    const after = await serialOf(t, ports[0]);
    assert.notEqual(after, before);
    assert.equal(await serialOf(t, ports[1]), after);
    await alice.send('alice', 'still here');
    await writeCertificate(folder, { cert: 'none', key: 'none' });
    await server.godwit.reloadCertificate();
    assert.equal(await serialOf(t, ports[0]), after);
  });

  test('of a process is read again on SIGHUP', async (t) => {
    const folder = await temporaryFolder(t);
    const { certFile, keyFile } = await writeCertificate(folder, makeCertificate());
    const server = await serveProcess(t, { GODWIT_TLS_CERT: certFile, GODWIT_TLS_KEY: keyFile, GODWIT_MQTTS_PORT: '0' });
    const before = await serialOf(t, server.httpPort);
    await writeCertificate(folder, makeCertificate());
    assert.equal(await serialOf(t, server.httpPort), before, 'not by itself');
    server.send('SIGHUP');
    await until('the new one is shown', async () => (await serialOf(t, server.httpPort)) !== before);
  });
});

describe('WebSocket', () => {
  test('carries MQTT at /mqtt, and meets MQTT over TCP there', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone', { protocol: 'ws', port: server.httpPort, path: '/mqtt' });
    const alice = await Device.connect(t, server, 'alice:phone');
    for (let i = 0; i < 200; i++) await alice.send('bob', `message ${i}`);
    await bob.messages(200);
    await bob.send('alice', 'over WebSocket');
    await alice.message('over WebSocket');
    assert.equal((await metricsOf(server)).get('godwit_connections{transport="ws"}'), 1);
    await bob.drop();
    await until('it is gone', async () => (await metricsOf(server)).get('godwit_connections{transport="ws"}') === 0);
    await alice.send('bob', 'while away');
    const again = await Device.connect(t, server, 'bob:phone', { protocol: 'ws', port: server.httpPort, path: '/mqtt' });
    assert.equal(again.sessionPresent, true);
    await again.message('while away');
  });

  test('is taken over by TCP, and the other way', async (t) => {
    const server = await startGodwit(t);
    const first = await Device.connect(t, server, 'bob:phone', { protocol: 'ws', port: server.httpPort, path: '/mqtt' });
    const second = await Device.connect(t, server, 'bob:phone');
    await first.closed;
    await Device.connect(t, server, 'bob:phone', { protocol: 'ws', port: server.httpPort, path: '/mqtt' });
    await second.closed;
  });

  test('is bound as TCP is: packets before CONNECT, and larger than packetBytes, end it', async (t) => {
    const server = await startGodwit(t);
    const dial = async (): Promise<Wire> => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.httpPort}/mqtt`, 'mqtt');
      await once(socket, 'open');
      return Wire.over(t, createWebSocketStream(socket));
    };
    const early = await dial();
    early.write(Buffer.from([0xc0, 0]));
    await early.closed();
    const large = await dial();
    await large.login(server, 'alice:phone');
    large.publish('to/alice/raw', Buffer.alloc(limits.packetBytes.value));
    await large.closed();
    const good = await dial();
    await good.login(server, 'alice:phone');
    await good.pong();
  });
});

describe('behind a load balancer', () => {
  const env = { GODWIT_TRUSTED_PROXIES: '127.0.0.1', GODWIT_CONNECTS_PER_MINUTE: '2' };

  /** A connection whose PROXY header names this client. */
  async function through(t: Scope, server: TestServer, client: string, id: string): Promise<number> {
    const wire = await Wire.dial(t, server);
    const family = client.includes(':') ? 'TCP6' : 'TCP4';
    wire.write(Buffer.from(`PROXY ${family} ${client} ${family === 'TCP6' ? '::1' : '127.0.0.1'} 4711 1883\r\n`));
    const returnCode = (await wire.login(server, id)).returnCode!;
    await wire.drop();
    return returnCode;
  }

  test('the PROXY protocol says whose connection it is: limits count the client', async (t) => {
    const server = await startGodwit(t, { env });
    assert.deepEqual([await through(t, server, '192.0.2.1', 'a:1'), await through(t, server, '192.0.2.1', 'b:1'), await through(t, server, '192.0.2.1', 'c:1')], [0, 0, 3]);
    assert.equal(await through(t, server, '192.0.2.2', 'c:1'), 0);
    const line = await server.logged.wait('a connection', (it) => it.msg === 'connected' && it.user === 'c');
    assert.equal(line.address, '192.0.2.2');
  });

  test('an IPv6 address counts by its network: whoever has one has all of it', async (t) => {
    const server = await startGodwit(t, { env });
    const codes = [];
    for (const client of ['2001:db8:0:1::1', '2001:db8:0:1::2', '2001:db8:0:1:ffff::3', '2001:db8:0:2::1']) codes.push(await through(t, server, client, 'a:1'));
    assert.deepEqual(codes, [0, 0, 3, 0]);
  });

  test('X-Forwarded-For says it for HTTP and WebSocket', async (t) => {
    const server = await startGodwit(t, { env });
    const call = async (client: string): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${server.httpPort}/v1/read.set`, { method: 'POST', headers: { 'x-forwarded-for': client, authorization: 'Bearer a.b.c' } });
      return answer.status;
    };
    for (let i = 0; i < limits.failedLoginsPerMinute.value; i++) assert.equal(await call('192.0.2.7'), 400);
    assert.equal(await call('192.0.2.7'), 429);
    assert.equal(await call('192.0.2.8'), 400);
    const door = { protocol: 'ws' as const, port: server.httpPort, path: '/mqtt' };
    await assert.rejects(Device.connect(t, server, 'alice:phone', { ...door, wsOptions: { headers: { 'x-forwarded-for': '192.0.2.7' } } }), /Server unavailable/);
    await Device.connect(t, server, 'alice:phone', { ...door, wsOptions: { headers: { 'x-forwarded-for': '192.0.2.8' } } });
  });

  test('what is not trusted is not believed', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_CONNECTS_PER_MINUTE: '2' } });
    const wire = await Wire.dial(t, server);
    wire.write(Buffer.from('PROXY TCP4 192.0.2.1 127.0.0.1 4711 1883\r\n'));
    await wire.closed();
    const door = { protocol: 'ws' as const, port: server.httpPort, path: '/mqtt', filters: [] };
    for (const client of ['192.0.2.1', '192.0.2.2']) await Device.connect(t, server, 'alice:phone', { ...door, wsOptions: { headers: { 'x-forwarded-for': client } } });
    await assert.rejects(Device.connect(t, server, 'alice:phone', { ...door, wsOptions: { headers: { 'x-forwarded-for': '192.0.2.3' } } }), /Server unavailable/);
  });
});
