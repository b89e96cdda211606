import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Device } from '../support/device.js';
import { temporaryFolder } from '../support/folder.js';
import { ServeProcess, serveProcess, type Ended } from '../support/process.js';

async function refusal(t: TestContext, env: Record<string, string>, data?: string): Promise<Ended> {
  const server = await ServeProcess.prepare(t, env, data);
  return server.run();
}

function assertOneLine({ code, stdout, stderr }: Ended, expected: RegExp): void {
  assert.match(stderr, /^godwit: .*\n$/);
  assert.match(stderr, expected);
  assert.equal(stdout, '');
  assert.equal(code, 1);
}

describe('godwit serve', { concurrency: true }, () => {
  test('says where it listens, first of all, and what to type next', async (t) => {
    const data = join(await temporaryFolder(t), 'data');
    const server = await serveProcess(t, { GODWIT_AUTH_SECRET: '' }, data);
    const lines = server.stdout.split('\n');
    assert.equal(lines[0], `mqtt://127.0.0.1:${server.mqttPort}`);
    assert.match(lines[1], new RegExp(`^http://127\\.0\\.0\\.1:${server.httpPort}\\b`));
    assert.ok(lines.includes(`  GODWIT_DATA=${data} npx godwit chat alice bob`), server.stdout);
    assert.ok(lines.includes(`  GODWIT_DATA=${data} npx godwit chat bob alice`), server.stdout);
  });

  test('tells the commands of its machine where it is, while it runs', async (t) => {
    const server = await serveProcess(t);
    const file = join(server.data, 'server.json');
    const known = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    assert.deepEqual(known, { pid: server.pid, host: '127.0.0.1', mqttPort: server.mqttPort, httpPort: server.httpPort, auth: 'secret' });
    await server.signal('SIGTERM');
    assert.ok(!existsSync(file));
  });

  test('its log is JSON on standard error', async (t) => {
    const server = await serveProcess(t);
    const ended = await server.signal('SIGTERM');
    const messages = ended!.stderr.trimEnd().split('\n').map((line) => (JSON.parse(line) as { msg: string }).msg);
    assert.deepEqual(messages, ['listening', 'stopping', 'stopped']);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} ends it with code 0, connections and all`, async (t) => {
      const server = await serveProcess(t);
      await Device.connect(t, server, 'alice:phone');
      const ended = await server.signal(signal);
      assert.deepEqual({ code: ended!.code, signal: ended!.signal }, { code: 0, signal: null });
    });
  }

  test('SIGHUP without a certificate leaves it running', async (t) => {
    const server = await serveProcess(t);
    server.send('SIGHUP');
    await Device.connect(t, server, 'alice:phone');
  });

  test('a bad variable: one line', async (t) => {
    assertOneLine(await refusal(t, { GODWIT_MQTT_PORT: 'http' }), /GODWIT_MQTT_PORT=http: expected a port/);
    assertOneLine(await refusal(t, { GODWIT_MQTTPORT: '1' }), /did you mean GODWIT_MQTT_PORT\?/);
  });

  test('a port in use: one line that names the variable', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    assertOneLine(await refusal(t, { GODWIT_MQTT_PORT: String(port) }), new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use; set GODWIT_MQTT_PORT`));
    assertOneLine(await refusal(t, { GODWIT_HTTP_PORT: String(port) }), new RegExp(`port ${port} .*GODWIT_HTTP_PORT`));
  });

  test('a data folder in use: one line, and the first server does not notice', async (t) => {
    const first = await serveProcess(t);
    const known = readFileSync(join(first.data, 'server.json'), 'utf8');
    assertOneLine(await refusal(t, {}, first.data), /the data folder .* is in use by another process/);
    assert.equal(readFileSync(join(first.data, 'server.json'), 'utf8'), known);
    await Device.connect(t, first, 'alice:phone');
  });

  test('a data folder that is none: one line', async (t) => {
    const file = join(await temporaryFolder(t), 'file');
    writeFileSync(file, '');
    assertOneLine(await refusal(t, {}, file), /file/);
  });

  test('a data folder of another format: one line', async (t) => {
    const data = join(await temporaryFolder(t), 'data');
    mkdirSync(data);
    writeFileSync(join(data, 'format.json'), '{"format":99,"salt":1}');
    assertOneLine(await refusal(t, {}, data), /format 99/);
    assert.equal(readFileSync(join(data, 'format.json'), 'utf8'), '{"format":99,"salt":1}');
  });
});
