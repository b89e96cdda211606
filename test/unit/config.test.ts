import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { limits } from 'godwit-schemas';
import { ConfigError, configVariables, isLoopback, loadOrCreateSecret, loadSecret, readConfig, secretPath } from '../../broker/config.js';

const folder = mkdtempSync(join(tmpdir(), 'godwit-config-'));
after(() => rmSync(folder, { recursive: true }));

const SECRET = 'a secret that is thirty-two bytes';

function file(name: string, text = name): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The one line that the environment is refused with. */
function refusal(env: NodeJS.ProcessEnv): string {
  try {
    readConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  assert.fail(`accepted: ${JSON.stringify(env)}`);
}

describe('readConfig', () => {
  test('without variables gives the defaults, and empty variables count as none', () => {
    const empty = Object.fromEntries(configVariables.map(({ name }) => [name, '']));
    for (const env of [{}, empty, { PATH: '/bin', HOME: '/' }]) {
      const { trustedProxies, ...config } = readConfig(env);
      assert.deepEqual(trustedProxies.list, []);
      assert.deepEqual(config, {
        host: '127.0.0.1',
        mqttPort: 1883,
        httpPort: 8080,
        tls: undefined,
        data: resolve('data'),
        auth: { kind: 'own' },
        messagesPerMinute: limits.messagesPerMinute.value,
        connectsPerMinute: limits.connectsPerMinute.value,
        mongoUrl: undefined,
        retention: { kind: 'age', ms: 30 * 86_400_000 },
        archive: { afterMs: limits.archiveAfterDays.value * 86_400_000, keep: limits.archiveKeep.value },
        corsOrigins: [],
        minFreeBytes: limits.minFreeBytes.value,
        groupMaxMembers: limits.groupMembers.value,
        logLevel: 'info',
      });
    }
  });

  test('reads every variable', () => {
    const cert = file('cert.pem');
    const key = file('key.pem');
    const { trustedProxies, ...config } = readConfig({
      GODWIT_HOST: '::',
      GODWIT_MQTT_PORT: '0',
      GODWIT_HTTP_PORT: '0',
      GODWIT_TLS_CERT: cert,
      GODWIT_TLS_KEY: key,
      GODWIT_MQTTS_PORT: '65535',
      GODWIT_DATA: '/var/lib/godwit',
      GODWIT_AUTH_SECRET: SECRET,
      GODWIT_MESSAGES_PER_MINUTE: '0',
      GODWIT_CONNECTS_PER_MINUTE: '6000',
      GODWIT_MONGO_URL: 'mongodb://godwit:pw@one:27017,two/chat?replicaSet=r',
      GODWIT_RETENTION: 'delivered',
      GODWIT_ARCHIVE_AFTER: '12h',
      GODWIT_ARCHIVE_KEEP: '500',
      GODWIT_CORS_ORIGINS: 'https://chat.example.com, http://localhost:5173,capacitor://localhost',
      GODWIT_TRUSTED_PROXIES: '10.0.0.5, 172.16.0.0/12,fd00::/8',
      GODWIT_MIN_FREE_BYTES: '1GiB',
      GODWIT_GROUP_MAX_MEMBERS: '256',
      GODWIT_LOG_LEVEL: 'debug',
    });
    assert.deepEqual(config, {
      host: '::',
      mqttPort: 0,
      httpPort: 0,
      tls: { cert, key, mqttsPort: 65_535 },
      data: '/var/lib/godwit',
      auth: { kind: 'secret', secret: SECRET },
      messagesPerMinute: 0,
      connectsPerMinute: 6000,
      mongoUrl: 'mongodb://godwit:pw@one:27017,two/chat?replicaSet=r',
      retention: { kind: 'delivered' },
      archive: { afterMs: 43_200_000, keep: 500 },
      corsOrigins: ['https://chat.example.com', 'http://localhost:5173', 'capacitor://localhost'],
      minFreeBytes: 2 ** 30,
      groupMaxMembers: 256,
      logLevel: 'debug',
    });
    assert.deepEqual(trustedProxies.list, ['10.0.0.5', '172.16.0.0/12', 'fd00::/8']);
  });

  test('reads ages and sizes with their units', () => {
    const retention = (text: string) => readConfig({ GODWIT_RETENTION: text }).retention;
    assert.deepEqual([retention('12h'), retention('90m'), retention('1d'), retention('forever')], [
      { kind: 'age', ms: 43_200_000 }, { kind: 'age', ms: 5_400_000 }, { kind: 'age', ms: 86_400_000 }, { kind: 'forever' },
    ]);
    const archive = (text: string) => readConfig({ GODWIT_MONGO_URL: 'mongodb://x', GODWIT_ARCHIVE_AFTER: text, GODWIT_ARCHIVE_KEEP: '0' }).archive;
    assert.deepEqual([archive('never'), archive('90m')], [{ afterMs: 0, keep: 0 }, { afterMs: 5_400_000, keep: 0 }]);
    const bytes = (text: string) => readConfig({ GODWIT_MIN_FREE_BYTES: text }).minFreeBytes;
    assert.deepEqual(['0', '1000', '1000B', '5kB', '5KiB', '256MiB', '256 MiB', '2GB', '1TiB'].map(bytes), [0, 1000, 1000, 5000, 5120, 2 ** 28, 2 ** 28, 2e9, 2 ** 40]);
    assert.equal(readConfig({ GODWIT_CORS_ORIGINS: '*' }).corsOrigins, '*');
  });

  test('names the variable, the value and what is expected', () => {
    assert.equal(refusal({ GODWIT_MQTT_PORT: 'abc' }), 'GODWIT_MQTT_PORT=abc: expected a port, 0 to 65535 (0 = any free port)');
    const bad: Record<string, string[]> = {
      GODWIT_HOST: ['127.0.0.1:1883', 'http://x', 'a b', '-x', '[::1]'],
      GODWIT_MQTT_PORT: ['65536', '-1', '1.5', '0x10', '1e3', ' 80', '٣'],
      GODWIT_TLS_CERT: [join(folder, 'absent.pem')],
      GODWIT_MESSAGES_PER_MINUTE: ['-1', 'many', '1.5', '99999999999999999999', 'Infinity'],
      GODWIT_RETENTION: ['30', '0d', '30 d', 'd', '1.5d', '30D', '2w', 'Forever', '99999999999d', 'constructor'],
      GODWIT_ARCHIVE_AFTER: ['30', '0d', 'forever', 'delivered', 'Never'],
      GODWIT_ARCHIVE_KEEP: ['-1', 'all', '1.5', '1', String(limits.archiveTail.value - 1)],
      GODWIT_CORS_ORIGINS: ['https://a.example/', 'https://a.example/x', 'a.example', 'https://*.example', '*,https://a.example', 'https://a.example:443', 'null'],
      GODWIT_TRUSTED_PROXIES: ['10.0.0.0/33', '10.0.0', 'proxy.local', 'fd00::/129', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/-1', '*'],
      GODWIT_GROUP_MAX_MEMBERS: ['0', '1025', '-1', 'many', '2.5'],
      GODWIT_MIN_FREE_BYTES: ['-1', '1.5GiB', '256mib', 'lots', '99999999TiB', '1constructor'],
      GODWIT_LOG_LEVEL: ['INFO', 'verbose', 'toString'],
      GODWIT_AUTH_JWKS_URL: ['keys.json', 'ftp://x/y', 'file:///etc/keys'],
    };
    for (const [name, values] of Object.entries(bad)) {
      for (const value of values) {
        const line = refusal({ ...(name.startsWith('GODWIT_ARCHIVE') && { GODWIT_MONGO_URL: 'mongodb://x' }), [name]: value });
        assert.ok(line.startsWith(`${name}=`) && line.includes(': expected '), line);
        assert.ok(line.includes(value) || !/^[ -~]*$/.test(value), line);
      }
    }
  });

  test('keeps a long or strange value on one short line', () => {
    assert.ok(refusal({ GODWIT_HOST: `a\nb${'c'.repeat(500)}` }).length < 300);
  });

  test('of MongoDB it takes addresses, and shows none of them', () => {
    for (const url of ['mongodb://localhost', 'mongodb+srv://godwit:pw@cluster.example/godwit']) assert.equal(readConfig({ GODWIT_MONGO_URL: url }).mongoUrl, url);
    for (const url of ['localhost:27017', 'http://godwit:pw@localhost', 'mongodb:///godwit', 'mongodb://godwit:p@pw@host', 'mongodb://godwit:p/pw@host', 'mongodb://godwit:p?pw@host/x@y']) {
      const line = refusal({ GODWIT_MONGO_URL: url });
      assert.match(line, /^GODWIT_MONGO_URL: expected an address such as mongodb:\/\//);
      assert.ok(!line.includes('pw'), line);
    }
  });

  test('never shows a secret', () => {
    const short = 'hunter2-hunter2';
    assert.match(refusal({ GODWIT_AUTH_SECRET: short }), /^GODWIT_AUTH_SECRET: expected at least 32 bytes/);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    for (const env of [
      { GODWIT_AUTH_SECRET: short },
      { GODWIT_AUTH_PUBLIC_KEY: pem },
      { GODWIT_AUTH_SECERT: short },
      { GODWIT_AUTH_SECRET: SECRET, GODWIT_AUTH_PUBLIC_KEY: short },
    ]) {
      const line = refusal(env);
      for (const hidden of [short, SECRET, pem.split('\n')[1]]) assert.ok(!line.includes(hidden), line);
    }
  });

  test('refuses a name that it does not know, with the nearest one that it does', () => {
    assert.equal(refusal({ GODWIT_MESSAGE_PER_MINUTE: '5' }), 'GODWIT_MESSAGE_PER_MINUTE is no variable of Godwit: did you mean GODWIT_MESSAGES_PER_MINUTE?');
    assert.match(refusal({ GODWIT_MQT_PORT: '1' }), /GODWIT_MQTT_PORT\?$/);
    assert.match(refusal({ GODWIT_AUTH_JWKS: 'x' }), /GODWIT_AUTH_JWKS_URL\?$/);
    assert.match(refusal({ GODWIT_PORT: '1' }), /GODWIT_MQTT_PORT\?$/);
    const line = refusal({ GODWIT_COLOUR: 'green' });
    for (const { name } of configVariables) assert.ok(line.includes(name));
    assert.match(refusal({ GODWIT_constructor: 'x' }), /no variable/);
  });

  test('says of what comes later that it is not there yet', () => {
    for (const name of ['GODWIT_REDIS_URL', 'GODWIT_S3_ENDPOINT', 'GODWIT_S3_REGION', 'GODWIT_S3_BUCKET', 'GODWIT_S3_ACCESS_KEY', 'GODWIT_S3_SECRET_KEY']) {
      assert.equal(refusal({ [name]: 'x' }), `${name} is not supported by this version: unset it`);
    }
  });

  test('refuses what does not go together', () => {
    const cert = file('c.pem');
    const key = file('k.pem');
    const { publicKey } = generateKeyPairSync('ed25519');
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
    assert.match(refusal({ GODWIT_TLS_CERT: cert }), /GODWIT_TLS_CERT is set without GODWIT_TLS_KEY/);
    assert.match(refusal({ GODWIT_TLS_KEY: key }), /GODWIT_TLS_KEY is set without GODWIT_TLS_CERT/);
    assert.match(refusal({ GODWIT_MQTTS_PORT: '8883' }), /without a certificate/);
    assert.match(refusal({ GODWIT_AUTH_SECRET: SECRET, GODWIT_AUTH_JWKS_URL: 'https://id.example/keys' }), /GODWIT_AUTH_SECRET and GODWIT_AUTH_JWKS_URL/);
    assert.match(refusal({ GODWIT_AUTH_SECRET: SECRET, GODWIT_AUTH_PUBLIC_KEY: pem }), /only one/);
    for (const name of ['GODWIT_ARCHIVE_AFTER', 'GODWIT_ARCHIVE_KEEP']) assert.match(refusal({ [name]: '7d' }), new RegExp(`^${name} is set without GODWIT_MONGO_URL`));
    assert.match(refusal({ GODWIT_MQTT_PORT: '8080' }), /GODWIT_MQTT_PORT and GODWIT_HTTP_PORT are both 8080/);
    assert.match(refusal({ GODWIT_TLS_CERT: cert, GODWIT_TLS_KEY: key, GODWIT_MQTTS_PORT: '1883' }), /GODWIT_MQTTS_PORT are both 1883/);
    assert.doesNotThrow(() => readConfig({ GODWIT_MQTT_PORT: '0', GODWIT_HTTP_PORT: '0' }));
  });

  test('leaves loopback only with a way to verify tokens that is not its own', () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com', '1270.0.1', '127.example.com', '::ffff:127.0.0.1']) {
      const line = refusal({ GODWIT_HOST: host });
      for (const name of ['GODWIT_AUTH_SECRET', 'GODWIT_AUTH_JWKS_URL', 'GODWIT_AUTH_PUBLIC_KEY']) assert.ok(line.includes(name), line);
      assert.equal(readConfig({ GODWIT_HOST: host, GODWIT_AUTH_SECRET: SECRET }).host, host);
    }
    for (const host of ['127.0.0.1', '127.8.8.8', '::1', 'localhost', 'LocalHost']) {
      assert.ok(isLoopback(host));
      assert.deepEqual(readConfig({ GODWIT_HOST: host }).auth, { kind: 'own' });
    }
  });

  test('takes a public key as text, as text with \\n, and as a file; and only keys that can verify', () => {
    const pemOf = ({ publicKey }: { publicKey: KeyObject }): string => publicKey.export({ type: 'spki', format: 'pem' }) as string;
    const good = [
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      generateKeyPairSync('ed25519'),
    ];
    for (const pem of good.map(pemOf)) {
      for (const value of [pem, pem.replaceAll('\n', '\\n'), file('public.pem', pem)]) {
        assert.deepEqual(readConfig({ GODWIT_AUTH_PUBLIC_KEY: value }).auth, { kind: 'publicKey', pem });
      }
    }
    const weak = pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }));
    const otherCurve = pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }));
    const otherUse = pemOf(generateKeyPairSync('x25519'));
    for (const value of [weak, otherCurve, otherUse, file('junk.pem', 'junk'), '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', join(folder, 'none.pem')]) {
      assert.match(refusal({ GODWIT_AUTH_PUBLIC_KEY: value }), /^GODWIT_AUTH_PUBLIC_KEY: expected /);
    }
    assert.match(refusal({ GODWIT_AUTH_PUBLIC_KEY: good[1].privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }), /this is a private one/);
  });
});

describe('configVariables', () => {
  test('have names of their own, say what they set, and defaults that they accept', () => {
    assert.equal(new Set(configVariables.map(({ name }) => name)).size, configVariables.length);
    for (const variable of configVariables) {
      assert.match(variable.name, /^GODWIT_[A-Z]+(_[A-Z]+)*$/);
      assert.ok(variable.what.length > 10, variable.name);
      if (variable.default !== undefined) assert.notEqual(variable.parse(variable.default), undefined);
    }
  });

  test('hold every variable of the table of limits, with its default', () => {
    for (const { variable: name, value } of Object.values(limits)) {
      if (name !== undefined) assert.equal(configVariables.find((variable) => variable.name === name)?.default, String(value), name);
    }
  });
});

describe('trusted proxies', () => {
  const trusts = (list: string, address: string) => readConfig({ GODWIT_TRUSTED_PROXIES: list }).trustedProxies.trusts(address);

  test('are single addresses and ranges, of both families, as sockets show them', () => {
    const list = '10.0.0.5,172.16.0.0/12,fd00::/8,2001:db8::1';
    for (const address of ['10.0.0.5', '::ffff:10.0.0.5', '172.16.0.1', '172.31.255.255', '::ffff:172.20.1.1', 'fd12::1', '2001:db8:0::1']) assert.ok(trusts(list, address), address);
    for (const address of ['10.0.0.6', '172.32.0.1', 'fe80::1', '2001:db8::2', '', 'unix', '10.0.0.5:80']) assert.ok(!trusts(list, address), address);
    assert.ok(trusts('0.0.0.0/0', '8.8.8.8') && !trusts('', '127.0.0.1'));
  });
});

describe('the secret in the data folder', () => {
  const fresh = (): string => join(mkdtempSync(join(folder, 'data-')), 'new', 'data');
  const readableByOthers = { skip: process.platform === 'win32' && 'modes of files say nothing on Windows' };

  test('is made once, for its owner alone, and read again', readableByOthers, () => {
    const data = fresh();
    assert.equal(loadSecret(data), undefined);
    const umask = process.umask(0o777);
    const there = data.replace(/.new.data$/, '');
    let secret: string;
    try {
      secret = loadOrCreateSecret(there);
    } finally {
      process.umask(umask);
    }
    assert.match(secret, /^[A-Za-z0-9_-]{43}$/);
    const made = loadOrCreateSecret(data);
    assert.notEqual(made, secret);
    assert.deepEqual([loadOrCreateSecret(data), loadSecret(data)], [made, made]);
    for (const folder of [there, data]) assert.equal(statSync(secretPath(folder)).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(data), ['secret']);
  });

  test('is refused when others can read it', readableByOthers, () => {
    const data = fresh();
    const secret = loadOrCreateSecret(data);
    for (const mode of [0o640, 0o604, 0o644, 0o620]) {
      chmodSync(secretPath(data), mode);
      assert.throws(() => loadOrCreateSecret(data), (error: Error) => error instanceof ConfigError && error.message.includes(secretPath(data)) && error.message.includes('chmod 600') && !error.message.includes(secret));
    }
    assert.equal(readFileSync(secretPath(data), 'utf8').trim(), secret, 'and left as it is');
  });

  test('is refused when it is none, and when it cannot be made', () => {
    const data = fresh();
    loadOrCreateSecret(data);
    writeFileSync(secretPath(data), 'short\n');
    assert.throws(() => loadOrCreateSecret(data), ConfigError);
    assert.throws(() => loadOrCreateSecret(file('a-file')), ConfigError);
  });

  test('made by many at once is one', async () => {
    const data = fresh();
    const config = new URL('../../broker/config.js', import.meta.url).href;
    const start = new Int32Array(new SharedArrayBuffer(4));
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.config).then(({ loadOrCreateSecret }) => {
        parentPort.postMessage('ready');
        Atomics.wait(workerData.start, 0, 0);
        parentPort.postMessage(loadOrCreateSecret(workerData.data));
      });`;
    const workers = Array.from({ length: 6 }, () => new Worker(code, { eval: true, workerData: { config, data, start } }));
    const messages = workers.map((worker) => new Promise<string>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('message', (message: string) => message !== 'ready' && resolve(message));
    }));
    await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
    Atomics.store(start, 0, 1);
    Atomics.notify(start, 0);
    const secrets = await Promise.all(messages);
    assert.equal(new Set(secrets).size, 1);
    assert.deepEqual([loadSecret(data), readdirSync(data)], [secrets[0], ['secret']]);
  });
});
