import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { MongoServerError } from 'mongodb';
import { node } from '../../broker/cli/doctor/machine.js';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';
import { FolderLock } from '../../plugins/store-embedded/lock.js';
import { MongoLookError, shownAddress } from '../../plugins/store-mongo/index.js';
import { SECRET } from '../support/godwit.js';
import { MongoServer, noMongo } from '../support/mongo.js';
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

describe('with MongoDB, doctor', { concurrency: true }, () => {
  const line = async (shell: Shell): Promise<string> => {
    const { stdout, stderr } = await shell.run(['doctor']);
    assert.equal(stderr, '');
    return stdout.split('\n').filter((one) => one.includes('MongoDB')).join('\n');
  };

  test('says whether it answers, and whether its indexes are there', { skip: noMongo }, async (t) => {
    const mongo = await MongoServer.start(t);
    const where = `MongoDB: mongodb://127.0.0.1:${mongo.port}/godwit`;
    const shell = await shellFor(t, { GODWIT_MONGO_URL: mongo.url() });
    assert.equal(await line(shell), `✓ ${where} answers, and is empty; the first start fills it`);
    const server = await serveProcess(t, { GODWIT_MONGO_URL: mongo.url() });
    const here = shell.with({ GODWIT_DATA: server.data, GODWIT_AUTH_SECRET: SECRET });
    await here.ok('user', 'add', 'alice');
    assert.deepEqual(await examine(here), []);
    assert.equal(await line(here), `✓ ${where} answers, its indexes are there`);
    assert.equal(await line(shell), `✗ ${where} belongs to another data folder: give that one with GODWIT_DATA, or name another database in GODWIT_MONGO_URL`);
    await mongo.ask((db) => db.collection('devices').dropIndex('user_1_device_1'));
    assert.deepEqual(await examine(here), [`✗ ${where} has no index devices(user, device): start the server again: it makes them, or says in its log why it cannot`]);
    await mongo.ask((db) => db.collection('devices').createIndex({ user: 1, device: 1 }));
    assert.match(await line(here), /^✗ .* has no index devices\(user, device\)/, 'one that keeps nothing unique is not it');
  });

  test('says that a move has not come to its end, or has not begun, and that the address is missing', { skip: noMongo }, async (t) => {
    const mongo = await MongoServer.start(t);
    const shell = await shellFor(t, { GODWIT_AUTH_SECRET: SECRET });
    const { close } = await openEmbeddedStorage({ folder: join(shell.folder, 'data'), now: Date.now });
    await close();
    const there = shell.with({ GODWIT_MONGO_URL: mongo.url() });
    assert.match(await line(there), /^✓ .* answers, and is empty; .*\n✗ MongoDB: .*data was used without it until now: `npx godwit migrate` moves its users and groups there$/);
    await there.ok('migrate');
    assert.match(await line(there), /^✓ [^\n]*$/);
    assert.match(await line(shell), /^✗ MongoDB: the users and groups of .*data are there: set GODWIT_MONGO_URL$/);
    await mongo.ask((db) => db.collection('migrations').updateOne({}, { $unset: { finishedAtMs: true } }));
    assert.match(await line(there), /^✗ MongoDB: mongodb:.*: the move of .*data into it has not come to its end: run `npx godwit migrate` again$/);
  });

  test('waits for one that does not answer for a few seconds only', { skip: noMongo }, async (t) => {
    const mongo = await MongoServer.start(t);
    await mongo.freeze();
    const shell = await shellFor(t, { GODWIT_MONGO_URL: mongo.url() });
    assert.match(await line(shell), /^✗ MongoDB: mongodb:\/\/127\.0\.0\.1:\d+\/godwit cannot be reached \(.+\): start it, or set GODWIT_MONGO_URL to where it is$/);
    mongo.thaw();
  });

  test('says that nobody is there, and shows no password', async (t) => {
    const shell = await shellFor(t, { GODWIT_MONGO_URL: 'mongodb://anna:pass%2Fword@127.0.0.1:9/people?authSource=admin' });
    const [wrong, ...more] = await examine(shell);
    assert.match(wrong, /^✗ MongoDB: mongodb:\/\/127\.0\.0\.1:9\/people cannot be reached \(.*ECONNREFUSED.*\): start it, or set GODWIT_MONGO_URL to where it is$/);
    assert.deepEqual(more, []);
    assert.doesNotMatch(wrong, /anna|pass/);
  });

  test('knows a refusal, and repeats nothing that is secret', () => {
    const url = 'mongodb://anna:pass%2Fword@db.example.com/people?authMechanismProperties=AWS_SESSION_TOKEN:token1&tlsCertificateKeyFilePassword=key2';
    const error = new MongoLookError(url, new MongoServerError({ message: `${url}: no anna:pass/word, token1, key2`, code: 18 }));
    assert.equal(error.isRefusal, true);
    assert.doesNotMatch(error.message, /pass|word@|token1|key2/);
    assert.equal(new MongoLookError(url, new Error('connect ECONNREFUSED')).isRefusal, false);
    assert.equal(shownAddress(url), 'mongodb://db.example.com/people');
    assert.equal(shownAddress('mongodb+srv://a:b@example.com'), 'mongodb+srv://example.com/godwit');
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
