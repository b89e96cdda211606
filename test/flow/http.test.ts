import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, limits } from 'godwit-schemas';
import { tokenFor } from '../support/address.js';
import { Device } from '../support/device.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { httpCall, metricsOf } from '../support/http.js';
import { until } from '../support/recorder.js';
import { Wire } from '../support/wire.js';

function ask(server: TestServer, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${server.httpPort}${path}`, init);
}

function post(server: TestServer, method: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return ask(server, `/v1/${method}`, { method: 'POST', body, headers: { authorization: `Bearer ${tokenFor(server, 'alice')}`, ...headers } });
}

describe('health', () => {
  test('/healthz says ok, /readyz says ready, / says where things are', async (t) => {
    const server = await startGodwit(t);
    for (const [path, text] of [['/healthz', 'ok\n'], ['/readyz', 'ready\n']] as const) {
      const answer = await ask(server, path);
      assert.deepEqual([answer.status, await answer.text()], [200, text]);
    }
    const greeting = await (await ask(server, '/')).text();
    for (const name of ['/mqtt', '/v1/openapi.json', '/v1/asyncapi.json']) assert.ok(greeting.includes(name));
    for (const name of ['openapi', 'asyncapi']) assert.equal(typeof ((await (await ask(server, `/v1/${name}.json`)).json()) as Record<string, unknown>)[name], 'string');
  });
});

describe('metrics', () => {
  test('count what happens', async (t) => {
    const server = await startGodwit(t);
    const before = await metricsOf(server);
    assert.equal(before.get('godwit_messages_accepted_total'), 0);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    await bob.subscribe('u/bob/#');
    const { id } = await alice.send('bob', 'one');
    await alice.send('bob', 'two');
    await alice.send('bob', 'one', { id });
    await alice.send('nobody', 'hello');
    await alice.send('nobody', 'hello');
    const [first] = await bob.many('msg', 2);
    bob.acknowledge(first.packetId);
    await bob.pong();
    const now = await metricsOf(server);
    const expected = new Map([
      ['godwit_messages_accepted_total', 2],
      ['godwit_messages_duplicate_total', 1],
      ['godwit_messages_delivered_total', 1],
      ['godwit_messages_redelivered_total', 0],
      ['godwit_refused_total{code="UNKNOWN_USER"}', 2],
      ['godwit_connections{transport="tcp"}', 2],
      ['godwit_queue_depth', 0],
      ['godwit_append_seconds_count', 2],
      ['godwit_sent_to_delivered_seconds_count', 1],
    ]);
    for (const [name, value] of expected) assert.equal(now.get(name), value, name);
    assert.ok(now.get('godwit_disk_free_bytes')! > 0);
    assert.ok(now.get('godwit_memory_bytes{kind="resident"}')! > 1e6);
    assert.ok(now.has('godwit_event_loop_lag_seconds{quantile="0.99"}'));
    // Fit for p50, p95 and p99: buckets from less than a millisecond up.
    const buckets = [...now.keys()].filter((name) => name.startsWith('godwit_append_seconds_bucket'));
    assert.ok(buckets.length > 10 && buckets.some((name) => name.includes('le="0.0005"')), buckets.join());
    await bob.drop();
    await Wire.connect(t, server, 'bob:phone', { acknowledges: true }).then((again) => again.many('msg', 1));
    await until('the redelivery is counted', async () => (await metricsOf(server)).get('godwit_messages_redelivered_total') === 1);
  });

  test('count refused connections', async (t) => {
    const server = await startGodwit(t);
    const wire = await Wire.dial(t, server);
    await wire.login(server, 'alice:phone', { password: Buffer.from('none') });
    const names = [...(await metricsOf(server))].filter(([name]) => /refused.*connect|connect.*refused/.test(name));
    assert.deepEqual(names.map(([, value]) => value), [1]);
  });
});

describe('a control call', () => {
  test('speaks ProtoJSON', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const body = JSON.stringify({ to: 'bob', message: { body: Buffer.from('from JSON').toString('base64') } });
    const answer = await post(server, 'messages.send', body, { 'content-type': 'application/json' });
    const value = (await answer.json()) as Record<string, string>;
    assert.deepEqual([answer.status, value.seq, value.conversation], [200, '1', 'd:alice:bob']);
    await bob.message('from JSON');
  });

  test('is refused with a status and a Result that says why', async (t) => {
    const server = await startGodwit(t);
    const json = { 'content-type': 'application/json' };
    const good = JSON.stringify({ to: 'nobody', message: { body: '' } });
    const cases: [string, Promise<Response>, number, keyof typeof Code][] = [
      ['no token', ask(server, '/v1/messages.send', { method: 'POST' }), 401, 'UNAUTHENTICATED'],
      ['a bad token', post(server, 'messages.send', good, { ...json, authorization: 'Bearer a.b.c' }), 400, 'MALFORMED'],
      ['no bearer', post(server, 'messages.send', good, { ...json, authorization: 'Basic YTpi' }), 401, 'UNAUTHENTICATED'],
      ['no such user', post(server, 'messages.send', good, json), 404, 'UNKNOWN_USER'],
      ['no such method', post(server, 'no.such', '{}', json), 404, 'UNKNOWN_METHOD'],
      ['no JSON', post(server, 'messages.send', '{"to":', json), 400, 'MALFORMED'],
      ['an unknown field', post(server, 'messages.send', '{"too":"bob"}', json), 400, 'MALFORMED'],
      ['another content type', post(server, 'messages.send', good, { 'content-type': 'text/plain' }), 400, 'MALFORMED'],
      ['too much', post(server, 'messages.send', 'x'.repeat(limits.httpBodyBytes.value + 1), json), 413, 'TOO_LARGE'],
      ['another HTTP method', ask(server, '/v1/messages.send'), 405, 'MALFORMED'],
      ['another path', ask(server, '/v2/messages.send', { method: 'POST' }), 404, 'UNKNOWN_METHOD'],
    ];
    for (const [what, asked, status, code] of cases) {
      const answer = await asked;
      const result = (await answer.json()) as { code: string; text: string };
      assert.deepEqual([answer.status, result.code], [status, code], what);
      assert.ok(result.text.length > 0, what);
    }
  });

  test('counts failed logins with those of MQTT, by address', async (t) => {
    const server = await startGodwit(t);
    const bad = { token: tokenFor({ ...server, secret: 'z'.repeat(40) }, 'alice') };
    for (let i = 0; i < limits.failedLoginsPerMinute.value; i++) assert.equal((await httpCall(server, 'alice', 'read.set', {}, bad)).status, 401);
    const { status, error } = await httpCall(server, 'alice', 'read.set', {});
    assert.deepEqual([status, error?.code], [429, Code.RATE_LIMITED]);
    const wire = await Wire.dial(t, server);
    assert.equal((await wire.login(server, 'alice:phone')).returnCode, 3);
  });
});

describe('CORS', () => {
  const origin = 'https://chat.example.com';
  const preflight = { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' } };

  test('lets pages of the configured origins call, and no others', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_CORS_ORIGINS: `${origin},https://other.example.com` } });
    const allowed = await ask(server, '/v1/messages.send', preflight);
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get('access-control-allow-origin'), origin);
    assert.match(allowed.headers.get('access-control-allow-headers')!, /Authorization/);
    const eve = await ask(server, '/v1/messages.send', { ...preflight, headers: { ...preflight.headers, origin: 'https://eve.example.com' } });
    assert.equal(eve.headers.get('access-control-allow-origin'), null);
    const call = await post(server, 'read.set', '{}', { origin, 'content-type': 'application/json' });
    assert.equal(call.headers.get('access-control-allow-origin'), origin);
  });

  test('lets nobody where nothing is configured', async (t) => {
    const server = await startGodwit(t);
    assert.equal((await ask(server, '/v1/messages.send', preflight)).headers.get('access-control-allow-origin'), null);
  });
});

test('the log holds no body, no token and no key', async (t) => {
  const server = await startGodwit(t);
  const alice = await Device.connect(t, server, 'alice:phone');
  const bob = await Device.connect(t, server, 'bob:phone');
  await alice.send('bob', 'a body that nobody else may see');
  await alice.send('nobody', 'a body that nobody else may see');
  await bob.messages(1);
  const token = tokenFor(server, 'alice', { days: 0.5 });
  await httpCall(server, 'alice', 'auth.renew', { token });
  await alice.call('auth.renew', { token });
  const wire = await Wire.dial(t, server);
  await wire.login(server, 'eve:phone', { password: Buffer.from(token) });
  await post(server, 'messages.send', '{"to": "a body that nobody else may see"', { 'content-type': 'application/json' });
  await server.stop();
  const log = JSON.stringify(server.logged.all);
  assert.ok(server.logged.all.length > 5);
  for (const secret of ['nobody else may see', Buffer.from('nobody else may see').toString('base64').slice(4, -4), token, token.split('.')[2], server.secret]) assert.ok(!log.includes(secret), secret);
});
