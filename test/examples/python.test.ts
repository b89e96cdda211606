import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Program } from '../foreign/program.js';
import { tokenFor } from '../support/address.js';
import { bodyOf } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { until } from '../support/recorder.js';

const python = process.env.TEST_PYTHON ?? 'python3';
const script = fileURLToPath(new URL('../../../examples/python/device.py', import.meta.url));
const installed = spawnSync(python, ['-c', 'from paho.mqtt.client import CallbackAPIVersion']).status === 0;
const skip = !installed && `no paho-mqtt 2 for ${python}: set TEST_PYTHON to a Python that has it`;

test('the device in Python sends, receives, and takes up after kill -9 where it left off', { skip, timeout: 60_000 }, async (t) => {
  const server = await startGodwit(t);
  const bob = await Device.connect(t, server, 'bob:phone');
  const start = (token = tokenFor(server, 'alice')): Program =>
    Program.start(t, 'env', [`TOKEN=${token}`, python, script, 'alice:sensor', 'bob', '127.0.0.1', String(server.mqttPort)]);

  const first = start();
  await until('it is ready', () => first.stderr.includes('ready'));
  await bob.send('alice', 'one');
  await first.printed(/^bob: one$/);
  await bob.next('receipt', 'the tick of the first', ({ value }) => value.delivered === 1n);
  await first.kill('SIGKILL');

  const texts = Array.from({ length: 50 }, (_, i) => `while away ${i}`);
  for (const text of texts) await bob.send('alice', text);
  const second = start();
  await second.printed(/^bob: while away 49$/);
  assert.deepEqual(second.lines, texts.map((text) => `bob: ${text}`));

  second.say(['21.5', '21.6', 'grüße'].join('\n'));
  assert.equal(await second.ended, 0);
  assert.deepEqual((await bob.messages(3)).map(bodyOf), ['21.5', '21.6', 'grüße']);

  const refused = start('no token');
  assert.equal(await refused.ended, 1);
  assert.match(refused.stderr, /^not connected: /);
});
