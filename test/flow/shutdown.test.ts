import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Code, limits } from 'godwit-schemas';
import { bodyOf, checkPlaces } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { Flood } from '../support/flood.js';
import { startGodwit } from '../support/godwit.js';
import { httpCall } from '../support/http.js';
import { serveProcess } from '../support/process.js';
import { Wire } from '../support/wire.js';

describe('SIGTERM', () => {
  test('with publishes under way: everything acknowledged is there, and the process ends with code 0', async (t) => {
    const server = await serveProcess(t);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const floods: Flood[] = [];
    for (const id of ['alice:phone', 'alice:laptop', 'carol:phone']) {
      const wire = await Wire.connect(t, server, id);
      await wire.subscribe(`u/${id.split(':')[0]}/result`);
      floods.push(new Flood(wire, 'bob'));
    }
    const watch = await Wire.connect(t, server, 'bob:watch', { clean: true });
    await watch.subscribe('u/bob/#');
    await watch.many('msg', 300);
    const ended = await server.signal('SIGTERM');
    assert.deepEqual([ended?.code, ended?.signal], [0, null]);
    await server.start();
    const bob = await Device.connect(t, server, 'bob:phone');
    const acknowledged = floods.reduce((sum, it) => sum + it.acknowledged.size, 0);
    assert.ok(acknowledged > 200);
    await bob.received.waitMany('everything acknowledged', acknowledged, (it) => it.kind === 'msg');
    checkPlaces(bob.got('msg'));
    const places = new Map(bob.got('msg').map((it) => [bodyOf(it), it.value.seq]));
    for (const flood of floods) for (const [id, seq] of flood.acknowledged) assert.equal(places.get(id), seq);
  });
});

describe('while the server stops', () => {
  /** A server in the middle of stopping: a plugin takes its time, until `goOn` is called. */
  async function stopping(t: Parameters<typeof startGodwit>[0]) {
    let goOn!: () => void;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    // Also when the test fails: it could not end.
    t.after(goOn);
    let reached!: () => void;
    const inTheMiddle = new Promise<void>((resolve) => (reached = resolve));
    const plugin = {
      name: 'takes its time',
      stop: () => {
        reached();
        return held;
      },
    };
    const server = await startGodwit(t, { plugins: [plugin] });
    const alice = await Device.connect(t, server, 'alice:phone');
    const ports = { mqttPort: server.mqttPort, httpPort: server.httpPort };
    const stopped = server.stop();
    await inTheMiddle;
    return { server, alice, ports, goOn, stopped };
  }

  test('/readyz turns 503, health and metrics are told, connections end, and no new ones are taken', async (t) => {
    const { server, alice, ports, goOn, stopped } = await stopping(t);
    const status = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${ports.httpPort}${path}`)).status;
    assert.equal(await status('/readyz'), 503);
    assert.deepEqual([await status('/healthz'), await status('/metrics')], [200, 200]);
    const call = await httpCall({ ...ports, secret: server.secret, now: server.now }, 'alice', 'read.set', {});
    assert.deepEqual([call.status, call.error?.code], [503, Code.UNAVAILABLE]);
    await alice.closed;
    assert.equal(alice.got('result').at(-1)!.value.code, Code.SHUTTING_DOWN);
    const late = connect({ host: '127.0.0.1', port: ports.mqttPort });
    const [error] = await once(late, 'error');
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
    goOn();
    await stopped;
    await assert.rejects(status('/healthz'), 'now every port is closed');
  });

  test('a second stop is the same one', async (t) => {
    const server = await startGodwit(t);
    await Promise.all([server.godwit.stop(), server.godwit.stop()]);
    await server.godwit.stop();
  });

  test('a client that does not close its end does not hold it up', async (t) => {
    const server = await startGodwit(t);
    const socket = connect({ host: '127.0.0.1', port: server.mqttPort, allowHalfOpen: true });
    t.after(() => socket.destroy());
    const wire = Wire.over(t, socket);
    await wire.login(server, 'alice:phone');
    const silent = connect({ host: '127.0.0.1', port: server.mqttPort, allowHalfOpen: true });
    t.after(() => silent.destroy());
    await once(silent, 'connect');
    const ends = [once(socket, 'end'), once(silent.resume(), 'end')];
    const started = performance.now();
    await server.stop();
    await Promise.all(ends);
    // Not as long as it may wait for a CONNECT.
    assert.ok(performance.now() - started < limits.connectTimeoutMs.value / 2);
  });
});

test('a server that was stopped leaves nothing behind: the next one takes folder and ports', async (t) => {
  const server = await startGodwit(t);
  const { mqttPort, httpPort } = server;
  const alice = await Device.connect(t, server, 'alice:phone');
  await alice.send('alice', 'note');
  await server.restart({ GODWIT_MQTT_PORT: String(mqttPort), GODWIT_HTTP_PORT: String(httpPort) });
  assert.deepEqual([server.mqttPort, server.httpPort], [mqttPort, httpPort]);
  const laptop = await Device.connect(t, server, 'alice:laptop');
  assert.equal(laptop.sessionPresent, false);
  await (await Device.connect(t, server, 'alice:phone')).send('alice', 'another');
  assert.equal(bodyOf((await laptop.messages(2))[1]), 'another');
});
