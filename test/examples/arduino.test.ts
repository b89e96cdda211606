import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { missing, Program } from '../foreign/program.js';
import { tokenFor } from '../support/address.js';
import { bodyOf } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { temporaryFolder, type Scope } from '../support/folder.js';
import { startGodwit } from '../support/godwit.js';

const sketch = fileURLToPath(new URL('../../../examples/arduino/arduino.ino', import.meta.url));
const standIns = fileURLToPath(new URL('../../../test/examples/arduino/', import.meta.url));
const bare = { flags: 2 };

/** The sketch with these values in its first lines, compiled for this machine. */
async function compiled(t: Scope, values: ReadonlyMap<string, string>): Promise<string> {
  const folder = await temporaryFolder(t);
  let code = await readFile(sketch, 'utf8');
  for (const [name, value] of values) {
    const line = new RegExp(`^(const .*\\b${name} = ).*?;`, 'm');
    assert.match(code, line);
    code = code.replace(line, (_, before: string) => `${before}${value};`);
  }
  await writeFile(join(folder, 'sketch.h'), code);
  const program = join(folder, 'sketch');
  const args = ['-std=c++17', '-Wall', '-Wextra', '-Wno-unused-parameter', '-Werror', '-pthread', '-include', 'Arduino.h', `-DSKETCH="${join(folder, 'sketch.h')}"`, '-I', standIns, '-o', program, join(standIns, 'main.cpp')];
  const { stderr } = await promisify(execFile)('g++', args);
  assert.equal(stderr, '');
  return program;
}

test('the sketch, on stand-ins for the ESP32 and PubSubClient: a reading goes out, and commands of the time it was away come in order', { skip: missing('g++'), timeout: 120_000 }, async (t) => {
  const server = await startGodwit(t);
  const values = new Map([['server', '"127.0.0.1"'], ['port', String(server.mqttPort)], ['token', JSON.stringify(tokenFor(server, 'meter'))]]);
  const program = await compiled(t, values);
  const alice = await Device.connect(t, server, 'alice:phone');

  const first = Program.start(t, program, []);
  const reading = await alice.next('msg', 'a reading');
  assert.deepEqual([reading.value.from, bodyOf(reading)], ['meter', '21.5']);
  await alice.send('meter', 'on', bare);
  await first.printed(/^pin 2 HIGH$/);
  await alice.next('receipt', 'the tick of the command', ({ value }) => value.delivered === 2n);
  await first.kill('SIGKILL');

  for (const command of ['off', 'on', 'what?', 'off']) await alice.send('meter', command, bare);
  const second = Program.start(t, program, []);
  await second.printed(/^pin 2/, 3);
  assert.deepEqual(second.lines, ['pin 2 LOW', 'pin 2 HIGH', 'pin 2 LOW']);

  const refused = Program.start(t, await compiled(t, values.set('token', '"none"')), []);
  await refused.printed(/^not connected: [45]$/, 2);
});
