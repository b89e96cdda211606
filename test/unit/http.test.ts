import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { Code, create, fromBinary, limits, MessagesSendRequestSchema, MessagesSendResponseSchema, ReadSetRequestSchema, ReadSetResponseSchema, ResultSchema, toBinary, type RequestOf } from 'godwit-schemas';
import { Counter } from 'prom-client';
import { makeHttpServer } from '../../broker/listeners/http-server.js';
import { jsonErrorAt } from '../../broker/listeners/json.js';
import { RefusedError, type Plugin } from '../../broker/ports/plugin.js';
import { closed, dial, openDoors, type DoorOptions, type Doors } from './doors.js';

const PROTOBUF = 'application/x-protobuf';

/** `read.set` answers with what it was asked; `messages.send` counts and says who asked. */
function fakePlugin(): Plugin & { sent: number } {
  const plugin = {
    name: 'fake',
    sent: 0,
    methods: {
      'read.set': (_caller: unknown, { conversation, seq }: RequestOf<'read.set'>) => {
        if (conversation === 'wait') throw new RefusedError({ code: Code.RATE_LIMITED, text: 'later', retryAfterMs: 1_500 });
        if (conversation === 'gone') throw new RefusedError({ code: Code.REVOKED, text: 'gone' });
        if (conversation === 'broken') throw new Error('a fault');
        return { seq };
      },
      'messages.send': ({ user }: { user: string }) => ({ conversation: user, seq: BigInt(++plugin.sent) }),
      'admin.queue': () => ({ entries: [] }),
    },
  };
  return plugin as unknown as Plugin & { sent: number };
}

interface Asked {
  token?: string;
  type?: string;
  body?: string | Uint8Array;
  headers?: Record<string, string>;
}

async function open(t: TestContext, options: DoorOptions = {}) {
  const plugin = fakePlugin();
  const doors = await openDoors(t, { plugins: [plugin], ...options });
  const base = `http://127.0.0.1:${doors.listeners.httpPort}`;
  const call = (method: string, { token = 'alice', type = 'application/json', body, headers = {} }: Asked = {}): Promise<Response> =>
    fetch(`${base}/v1/${method}`, { method: 'POST', body: body as string, headers: { authorization: `Bearer ${token}`, 'content-type': type, ...headers } });
  return { doors, base, call, plugin };
}

/** A refusal: status, code and text. */
async function refusal(response: Response): Promise<[number, string, string]> {
  const { code, text } = (await response.json()) as { code: string; text: string };
  return [response.status, code, text];
}

describe('health and documents', () => {
  test('healthz, readyz and metrics', async (t) => {
    const { doors, base } = await open(t);
    new Counter({ name: 'godwit_test_total', help: 'h', registers: [doors.metrics] }).inc(3);
    assert.equal((await fetch(`${base}/healthz`)).status, 200);
    assert.equal((await fetch(`${base}/readyz`)).status, 200);
    doors.ready.ok = false;
    doors.ready.reason = 'the disk is full';
    const unready = await fetch(`${base}/readyz`);
    assert.deepEqual([unready.status, await unready.text()], [503, 'the disk is full\n']);
    assert.equal((await fetch(`${base}/healthz`)).status, 200);
    const metrics = await fetch(`${base}/metrics`);
    assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    assert.match(await metrics.text(), /^godwit_test_total 3$/m);
    assert.match(await (await fetch(base)).text(), /^Godwit: .*\n$/);
  });

  test('the documents of the contract are served', async (t) => {
    const { base } = await open(t);
    for (const name of ['openapi.json', 'asyncapi.json']) {
      const response = await fetch(`${base}/v1/${name}`);
      assert.equal(response.status, 200);
      const file = new URL(`../${name}`, import.meta.resolve('godwit-schemas'));
      assert.deepEqual(await response.json(), JSON.parse(await readFile(file, 'utf8')));
    }
  });
});

describe('control calls', () => {
  test('JSON in, JSON out', async (t) => {
    const { call } = await open(t);
    const response = await call('read.set', { body: '{"conversation":"d:alice:bob","seq":"7"}' });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
    assert.deepEqual(await response.json(), { seq: '7' });
    assert.deepEqual(await (await call('admin.queue', { token: 'admin:root', body: '' })).json(), {}, 'no body is the empty request');
  });

  test('protobuf in, protobuf out; Accept decides where it says something', async (t) => {
    const { call } = await open(t);
    const body = toBinary(ReadSetRequestSchema, create(ReadSetRequestSchema, { conversation: 'c', seq: 7n }));
    const same = await call('read.set', { type: PROTOBUF, body });
    assert.equal(same.headers.get('content-type'), PROTOBUF);
    assert.equal(fromBinary(ReadSetResponseSchema, new Uint8Array(await same.arrayBuffer())).seq, 7n);
    const json = await call('read.set', { type: PROTOBUF, body, headers: { accept: 'application/json' } });
    assert.deepEqual(await json.json(), { seq: '7' });
    const binary = await call('read.set', { body: '{"seq":8}', headers: { accept: PROTOBUF } });
    assert.equal(fromBinary(ReadSetResponseSchema, new Uint8Array(await binary.arrayBuffer())).seq, 8n);
    const refused = await call('no.such', { type: PROTOBUF, body });
    assert.deepEqual([refused.status, fromBinary(ResultSchema, new Uint8Array(await refused.arrayBuffer())).code], [404, Code.UNKNOWN_METHOD]);
  });

  test('without a good token: 401; a table of statuses for the rest', async (t) => {
    const { call, base } = await open(t);
    const naked = await fetch(`${base}/v1/read.set`, { method: 'POST' });
    assert.equal(naked.headers.get('www-authenticate'), 'Bearer');
    assert.deepEqual((await refusal(naked)).slice(0, 2), [401, 'UNAUTHENTICATED']);
    assert.deepEqual((await refusal(await call('read.set', { token: 'BAD-TOKEN' }))).slice(0, 2), [401, 'UNAUTHENTICATED']);
    assert.deepEqual((await refusal(await call('no.such'))).slice(0, 2), [404, 'UNKNOWN_METHOD']);
    assert.deepEqual((await refusal(await call('__proto__'))).slice(0, 2), [404, 'UNKNOWN_METHOD']);
    assert.deepEqual((await refusal(await call('constructor'))).slice(0, 2), [404, 'UNKNOWN_METHOD']);
    assert.deepEqual((await refusal(await call('auth.renew'))).slice(0, 2), [404, 'UNKNOWN_METHOD'], 'in the table, but no plugin answers it');
    assert.deepEqual((await refusal(await call('admin.queue'))).slice(0, 2), [403, 'NOT_ALLOWED']);
    assert.equal((await call('admin.queue', { token: 'admin:root' })).status, 200);
    assert.deepEqual((await refusal(await fetch(`${base}/elsewhere`))).slice(0, 2), [404, 'UNKNOWN_METHOD']);
    assert.deepEqual(await refusal(await call('read.set', { body: '{"conversation":"gone"}' })), [403, 'REVOKED', 'gone'], 'a code that only MQTT has a use for');
    const get = await fetch(`${base}/v1/read.set`);
    assert.deepEqual([get.status, get.headers.get('allow')], [405, 'POST']);
  });

  test('a refusal for a time says how long, rounded up to seconds', async (t) => {
    const { call } = await open(t);
    const response = await call('read.set', { body: '{"conversation":"wait"}' });
    assert.deepEqual([response.status, response.headers.get('retry-after')], [429, '2']);
    assert.deepEqual(await response.json(), { code: 'RATE_LIMITED', text: 'later', retryAfterMs: 1500 });
  });

  test('what cannot be read is refused with the place, and not repeated', async (t) => {
    const { call } = await open(t);
    const malformed = async (asked: Asked): Promise<string> => {
      const [status, code, text] = await refusal(await call('read.set', asked));
      assert.deepEqual([status, code], [400, 'MALFORMED']);
      assert.ok(!text.includes('hush'), text);
      return text;
    };
    assert.match(await malformed({ body: '{"conversation": "hush",\n  oops}' }), /line 2, column 3/);
    assert.match(await malformed({ body: '{"conversation": "hush"' }), /ends too early/);
    assert.match(await malformed({ body: '{"topic": "hush"}' }), /ReadSetRequest: key "topic" is unknown/);
    assert.match(await malformed({ body: '{"seq": "hush"}' }), /ReadSetRequest\.seq/);
    assert.match(await malformed({ body: '{"seq": 1, "seq": 2}' }), /duplicate object key "seq"/);
    assert.match(await malformed({ body: '{"seq": -1}' }), /ReadSetRequest\.seq/);
    assert.match(await malformed({ body: '[]' }), /ReadSetRequest/);
    assert.match(await malformed({ body: new Uint8Array([0x22, 0xff, 0x22]) }), /UTF-8/);
    assert.match(await malformed({ type: 'text/plain', body: 'x' }), /content type/);
    assert.match(await malformed({ body: 'x', headers: { 'content-encoding': 'gzip' } }), /compressed/);
    const binary = await call('read.set', { type: PROTOBUF, body: new Uint8Array([0xff]) });
    assert.equal(fromBinary(ResultSchema, new Uint8Array(await binary.arrayBuffer())).code, Code.MALFORMED);
  });

  test('httpBodyBytes: a larger body is refused', async (t) => {
    const { call } = await open(t);
    const most = limits.httpBodyBytes.value;
    const json = (bytes: number): string => '{"conversation":"'.padEnd(bytes - 2, 'x') + '"}';
    assert.equal((await call('read.set', { body: json(most) })).status, 200);
    assert.deepEqual((await refusal(await call('read.set', { body: json(most + 1) }))).slice(0, 2), [413, 'TOO_LARGE']);
  });

  test('Idempotency-Key is the call id', async (t) => {
    const { call, plugin } = await open(t);
    const headers = { 'idempotency-key': 'k1' };
    const first = await (await call('messages.send', { headers })).json();
    assert.deepEqual(await (await call('messages.send', { headers })).json(), first);
    assert.equal(plugin.sent, 1);
    assert.deepEqual((await refusal(await call('read.set', { headers }))).slice(0, 2), [409, 'CONFLICT']);
    const body = toBinary(MessagesSendRequestSchema, create(MessagesSendRequestSchema));
    const binary = await call('messages.send', { type: PROTOBUF, body, headers });
    assert.equal(fromBinary(MessagesSendResponseSchema, new Uint8Array(await binary.arrayBuffer())).seq, 1n, 'the same call, otherwise written');
    const long = { 'idempotency-key': 'k'.repeat(limits.callIdBytes.value + 1) };
    assert.deepEqual((await refusal(await call('messages.send', { headers: long }))).slice(0, 2), [413, 'TOO_LARGE']);
  });

  test('failed logins of an address are counted, and then none is tried', async (t) => {
    const { call } = await open(t, { failedLoginsPerMinute: 2 });
    assert.equal((await call('admin.queue')).status, 403, 'no failed login');
    for (let i = 0; i < 2; i++) assert.equal((await call('read.set', { token: 'BAD' })).status, 401);
    const response = await call('read.set');
    assert.equal(response.status, 429);
    assert.ok(Number(response.headers.get('retry-after')) > 0);
  });

  test('callsPerMinute of a user', async (t) => {
    const { call } = await open(t, { callsPerMinute: 2 });
    for (let i = 0; i < 2; i++) assert.equal((await call('read.set')).status, 200);
    assert.deepEqual((await refusal(await call('read.set'))).slice(0, 2), [429, 'RATE_LIMITED']);
    assert.equal((await call('read.set', { token: 'bob' })).status, 200);
  });

  test('no token, key or body is logged', async (t) => {
    const { call, doors } = await open(t);
    assert.equal((await call('read.set', { token: 'secrettoken', body: '{"conversation":"broken"}', headers: { 'idempotency-key': 'secretkey' } })).status, 500);
    await call('read.set', { token: 'SECRET', body: '{"secretbody":1' });
    const lines = JSON.stringify(doors.logged);
    assert.match(lines, /a fault/, 'the fault itself is');
    for (const secret of ['SECRET', 'secretkey', 'secretbody']) assert.ok(!lines.includes(secret), secret);
  });
});

describe('CORS', () => {
  const preflight = (doors: Doors, origin: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${doors.listeners.httpPort}/v1/read.set`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' } });

  test('a configured origin may call, others are not told so', async (t) => {
    const { doors, call } = await open(t, { corsOrigins: ['https://app.example'] });
    const allowed = await preflight(doors, 'https://app.example');
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://app.example');
    assert.match(allowed.headers.get('access-control-allow-headers') ?? '', /authorization/i);
    assert.equal((await preflight(doors, 'https://evil.example')).headers.get('access-control-allow-origin'), null);
    const answer = await call('read.set', { headers: { origin: 'https://app.example' } });
    assert.deepEqual([answer.headers.get('access-control-allow-origin'), answer.headers.get('vary')], ['https://app.example', 'Origin']);
    const refused = await call('read.set', { token: 'BAD', headers: { origin: 'https://app.example' } });
    assert.equal(refused.headers.get('access-control-allow-origin'), 'https://app.example', 'the page must see why');
  });

  test('without configured origins there is no CORS; * is everyone', async (t) => {
    const none = await open(t);
    assert.equal((await preflight(none.doors, 'https://app.example')).headers.get('access-control-allow-origin'), null);
    const all = await open(t, { corsOrigins: ['*'] });
    assert.equal((await preflight(all.doors, 'https://x.example')).headers.get('access-control-allow-origin'), 'https://x.example');
  });
});

describe('slow clients', () => {
  test('httpHeadersMs and httpRequestMs: whoever is slower gets 408 and is cut off', async (t) => {
    assert.ok(limits.httpHeadersMs.value <= limits.httpRequestMs.value);
    const server = makeHttpServer((request) => request.resume(), undefined, { headersMs: 100, requestMs: 200 });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    for (const start of ['POST / HTTP/1.1\r\nHost: h\r\n', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345']) {
      const socket = await dial(t, (server.address() as AddressInfo).port);
      socket.write(start);
      let answer = '';
      socket.on('data', (chunk) => (answer += String(chunk)));
      await closed(socket);
      assert.match(answer, /^HTTP\/1\.1 408 /);
    }
  });
});

test('jsonErrorAt agrees with JSON.parse on what is JSON', () => {
  const texts = ['{}', '[]', ' [1, -2.5e+3, true, false, null, "a\\u00e9\\n", {"a": {"b": []}}] ', '"x"', '0', '', ' ', '{', '[', '[1', '[1,', '[1,]', '{,}', '{"a"}', '{"a":}', '{"a":1,}', '{a:1}', "{'a':1}", '01', '1.', '.5', '+1', 'nul', 'nulls', '"a', '"\u0001"', '"\\x"', '"\\u12"', '[]]', '{}}', '[1 2]', '{"a":1 "b":2}', '[}', '{]', '"a" "b"', 'NaN', '1e', '--1', '[[[[]]]]', '{"a":[{"b":1},{"c":[]}]}'];
  for (const text of texts) {
    let valid = true;
    try {
      JSON.parse(text);
    } catch {
      valid = false;
    }
    const at = jsonErrorAt(text);
    assert.equal(at === undefined, valid, JSON.stringify(text));
    if (at !== undefined) assert.ok(at >= 0 && at <= text.length);
  }
});
