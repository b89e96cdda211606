import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { node } from '../../broker/cli/doctor/machine.js';
import { FolderLock } from '../../plugins/store-embedded/lock.js';
import { SECRET } from '../support/godwit.js';
import { serveProcess } from '../support/process.js';
import { makeCertificate, writeCertificate } from '../unit/certificate.js';
import { Shell } from './command.js';

/** Runs it, and returns the lines about what is wrong. */
async function examine(shell: Shell): Promise<string[]> {
  const { code, stdout, stderr } = await shell.run(['doctor']);
  assert.equal(stderr, '');
  const lines = stdout.trimEnd().split('\n');
  const [findings, [verdict]] = [lines.slice(0, -2), lines.slice(-1)];
  for (const line of findings) assert.match(line, /^[✓✗] ./);
  const wrong = findings.filter((line) => line.startsWith('✗'));
  assert.match(verdict, wrong.length === 0 ? /^Nothing is wrong here\.$/ : new RegExp(`^${wrong.length} things? (is|are) wrong\\.$`));
  assert.equal(code, wrong.length === 0 ? 0 : 1);
  return wrong;
}

/** A shell with free ports, so that whatever else runs on this machine does not matter. */
function shellFor(t: TestContext, env: Record<string, string> = {}): Promise<Shell> {
  return Shell.open(t, { GODWIT_MQTT_PORT: '0', GODWIT_HTTP_PORT: '0', GODWIT_MIN_FREE_BYTES: '0', ...env });
}

describe('godwit doctor', { concurrency: true }, () => {
  test('finds nothing wrong before the first start, while a server runs, and after it was killed', async (t) => {
    assert.deepEqual(await examine(await shellFor(t)), []);
    const server = await serveProcess(t);
    const shell = await shellFor(t, { GODWIT_DATA: server.data, GODWIT_AUTH_SECRET: SECRET });
    assert.deepEqual(await examine(shell), []);
    await server.kill();
    assert.deepEqual(await examine(shell), []);
  });

  test('a variable that cannot be used; the rest is looked at all the same', async (t) => {
    const [variable, disk] = await examine(await shellFor(t, { GODWIT_RETENTION: 'long', GODWIT_MIN_FREE_BYTES: '999TiB' }));
    assert.match(variable, /^✗ variables: GODWIT_RETENTION=long: expected an age/);
    assert.equal(disk, undefined, 'other variables count only when all can be read');
  });

  test('a port in use', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const wrong = await examine(await shellFor(t, { GODWIT_HTTP_PORT: String(port) }));
    assert.deepEqual(wrong, [`✗ port: port ${port} on 127.0.0.1 is in use; set GODWIT_HTTP_PORT`]);
  });

  test('a data folder that is a file', async (t) => {
    const shell = await shellFor(t);
    writeFileSync(join(shell.folder, 'data'), '');
    const [first] = await examine(shell);
    assert.match(first, /^✗ data folder: .*data is no folder: set GODWIT_DATA/);
  });

  test('a data folder of another format', async (t) => {
    const shell = await shellFor(t);
    mkdirSync(join(shell.folder, 'data'));
    writeFileSync(join(shell.folder, 'data', 'format.json'), '{"format":99,"salt":1}');
    const [first] = await examine(shell);
    assert.match(first, /^✗ .*format 99/);
  });

  test('a data folder whose messages others can read', async (t) => {
    const server = await serveProcess(t);
    chmodSync(join(server.data, 'db'), 0o755);
    const [first, ...more] = await examine(await shellFor(t, { GODWIT_DATA: server.data, GODWIT_AUTH_SECRET: SECRET }));
    assert.match(first, /^✗ data folder: others can read the messages in .*db \(mode 755\): run `chmod 700 .*db`$/);
    assert.deepEqual(more, []);
  });

  test('a process that has the data folder and does not answer', async (t) => {
    const shell = await shellFor(t);
    const data = join(shell.folder, 'data');
    mkdirSync(data);
    const lock = await FolderLock.take(data);
    t.after(() => lock.release());
    assert.match((await examine(shell)).join('\n'), /^✗ server: a process has the data folder and does not answer: .*/);
  });

  test('a secret that others can read, one that is too short, and one that is easily guessed', async (t) => {
    const shell = await shellFor(t);
    const file = join(shell.folder, 'data', 'secret');
    mkdirSync(join(shell.folder, 'data'));
    writeFileSync(file, SECRET);
    chmodSync(file, 0o644);
    assert.match((await examine(shell)).join('\n'), /^✗ secret: .*can be read by others \(mode 644\).*chmod 600 /);
    chmodSync(file, 0o600);
    writeFileSync(file, 'short');
    assert.match((await examine(shell)).join('\n'), /^✗ secret: .*not a secret of at least 32 bytes/);
    const guessed = await shellFor(t, { GODWIT_AUTH_SECRET: 'x'.repeat(40) });
    assert.match((await examine(guessed)).join('\n'), /^✗ secret: .*can be guessed: `openssl rand -base64 32` makes one$/);
  });

  test('keys that cannot be fetched', async (t) => {
    const wrong = await examine(await shellFor(t, { GODWIT_AUTH_JWKS_URL: 'http://127.0.0.1:9/keys' }));
    assert.match(wrong.join('\n'), /^✗ secret: http:\/\/127\.0\.0\.1:9\/keys cannot be read/);
  });

  test('too little room on the disk', async (t) => {
    const wrong = await examine(await shellFor(t, { GODWIT_MIN_FREE_BYTES: '999TiB' }));
    assert.match(wrong.join('\n'), /^✗ disk: [0-9,]+ MiB free, and below [0-9,]+ MiB messages are refused: make room, or lower GODWIT_MIN_FREE_BYTES$/);
  });

  test('a clock that went back', async (t) => {
    const server = await serveProcess(t);
    const later = new Date(Date.now() + 3_600_000);
    utimesSync(join(server.data, 'format.json'), later, later);
    const wrong = await examine(await shellFor(t, { GODWIT_DATA: server.data, GODWIT_AUTH_SECRET: SECRET }));
    assert.match(wrong.join('\n'), /^✗ clock: .*format\.json was written in the future \(3,[0-9]+ s ahead\)/);
  });

  test('a Node that is too old', () => {
    assert.deepEqual([node('18.20.0').ok, node('20.14.0').ok, node('20.15.0').ok, node('24.1.0').ok], [false, false, true, true]);
  });
});

describe('with a certificate', { concurrency: true }, () => {
  test('doctor says when it ends; the commands of the machine take it, and no other', async (t) => {
    const shell = await shellFor(t);
    const files = await writeCertificate(shell.folder, makeCertificate());
    const env = { GODWIT_TLS_CERT: files.certFile, GODWIT_TLS_KEY: files.keyFile, GODWIT_MQTTS_PORT: '0' };
    const server = await serveProcess(t, env);
    assert.match(server.stdout, /^mqtts:\/\/127\.0\.0\.1:\d+$/m);
    const here = shell.with({ ...env, GODWIT_DATA: server.data, GODWIT_AUTH_SECRET: SECRET });
    assert.match((await examine(here)).join('\n'), /^✗ certificate: .*cert\.pem expires soon, on .*: renew it, then send the server SIGHUP$/);
    assert.equal(await here.ok('user', 'add', 'alice'), 'alice was added\n');
    assert.equal((await here.run(['chat', 'alice', 'bob'], 'hello\n')).code, 0);

    await writeCertificate(shell.folder, makeCertificate());
    const before = await here.run(['user', 'list']);
    assert.match(before.stderr, /^godwit: the server shows another certificate than .*cert\.pem: if that is new, send the server SIGHUP\n$/);
    server.send('SIGHUP');
    while ((await here.run(['user', 'list'])).code !== 0);
  });

  test('a certificate and a key that do not fit', async (t) => {
    const shell = await shellFor(t);
    const { certFile } = await writeCertificate(shell.folder, makeCertificate());
    const keyFile = join(shell.folder, 'other.pem');
    writeFileSync(keyFile, makeCertificate().key);
    const wrong = await examine(shell.with({ GODWIT_TLS_CERT: certFile, GODWIT_TLS_KEY: keyFile, GODWIT_MQTTS_PORT: '0' }));
    assert.match(wrong.join('\n'), /^✗ certificate: .*cannot be used/);
  });
});
