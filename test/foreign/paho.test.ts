import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tokenFor } from '../support/address.js';
import { bodyOf } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { Program } from './program.js';

const python = process.env.TEST_PYTHON ?? 'python3';
const script = fileURLToPath(new URL('../../../test/foreign/plain_device.py', import.meta.url));
const installed = spawnSync(python, ['-c', 'from paho.mqtt.client import CallbackAPIVersion']).status === 0;
const skip = !installed && `no paho-mqtt 2 for ${python}: set TEST_PYTHON to a Python that has it`;

test("Python's paho sends and receives in order, also over a connection that breaks", { skip }, async (t) => {
  const server = await startGodwit(t);
  const bob = await Device.connect(t, server, 'bob:phone');
  await Device.connect(t, server, 'alice:phone');
  const paho = Program.start(t, python, [script, String(server.mqttPort), 'alice:paho', tokenFor(server, 'alice'), 'bob', '200']);
  await paho.printed(/^connected Success False$/);
  const sent = await bob.messages(200);
  assert.deepEqual(sent.map(bodyOf), Array.from({ length: 200 }, (_, i) => `p ${i}`));
  for (let i = 0; i < 100; i++) await bob.send('alice', `b ${i}`);
  await paho.printed(/^connected Success True$/);
  await paho.printed(/^b 99$/);
  // What it had not acknowledged when the connection broke comes again: at least once, in order.
  const received = paho.lines.filter((line) => line.startsWith('b ')).map((line) => Number(line.slice(2)));
  assert.deepEqual([...new Set(received)], Array.from({ length: 100 }, (_, i) => i));
  assert.ok(received.length <= 100 + 50, `${received.length} lines`);
});
