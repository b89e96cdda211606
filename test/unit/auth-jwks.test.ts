import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, type KeyPairKeyObjectResult } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import { SignJWT } from 'jose';
import { Code } from 'godwit-schemas';
import type { Identity, Plugin, Refusal } from '../../broker/ports/plugin.js';
import { authPlugin } from '../../plugins/auth/index.js';
import { Clock, fakeContext } from './fake-context.js';

const NOW = Date.UTC(2026, 10, 22);
const COOLDOWN_MS = 30_000;
const REFRESH_MS = 600_000;

const keys = new Map<string, KeyPairKeyObjectResult>([
  ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['EdDSA', generateKeyPairSync('ed25519')],
]);

function jwk(key: KeyObject, kid: string, more: object = {}): object {
  return { ...key.export({ format: 'jwk' }), kid, use: 'sig', ...more };
}

function token(alg: string, kid?: string, key: KeyObject | Uint8Array = keys.get(alg)!.privateKey): Promise<string> {
  return new SignJWT({ sub: 'alice' }).setProtectedHeader(kid === undefined ? { alg } : { alg, kid }).sign(key);
}

/** A JWKS address that counts how often it is asked, on a real socket. */
class KeyServer {
  asked = 0;
  keys: object[] = [...keys].map(([alg, { publicKey }]) => jwk(publicKey, alg));
  answer: { status: number; body: string } | undefined;
  /** Answers wait for it. */
  gate: Promise<void> | undefined;
  private server: Server | undefined;
  private port = 0;

  async open(): Promise<void> {
    this.server = createServer(async (_request, response) => {
      this.asked++;
      await this.gate;
      const { status, body } = this.answer ?? { status: 200, body: JSON.stringify({ keys: this.keys }) };
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close', location: '/elsewhere' }).end(body);
    });
    await once(this.server.listen(this.port, '127.0.0.1'), 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/keys`;
  }

  async close(): Promise<void> {
    if (!this.server?.listening) return;
    this.server.closeAllConnections();
    await once(this.server.close(), 'close');
  }
}

const servers: KeyServer[] = [];
after(() => Promise.all(servers.map((server) => server.close())));

async function setUp(change?: (server: KeyServer) => void): Promise<{ server: KeyServer; clock: Clock; plugin: Plugin; warnings: unknown[]; ask: (token: string) => Promise<string> }> {
  const server = new KeyServer();
  servers.push(server);
  await server.open();
  change?.(server);
  const clock = new Clock(0);
  const plugin = authPlugin({ kind: 'jwks', url: server.url, cooldownMs: COOLDOWN_MS, refreshMs: REFRESH_MS, now: clock.now });
  const context = fakeContext(new Clock(NOW));
  void plugin.start?.(context);
  /** Whom it speaks for, or the code of the refusal. */
  const ask = async (text: string): Promise<string> => {
    const answer = (await plugin.authenticate!(text, NOW)) as Identity | Refusal;
    return 'code' in answer ? Code[answer.code] : answer.user;
  };
  return { server, clock, plugin, warnings: context.errors, ask };
}

describe('a token by JWKS', () => {
  test('of each kind is verified, by keys that were fetched once', async () => {
    const { server, ask } = await setUp();
    for (const alg of keys.keys()) assert.equal(await ask(await token(alg, alg)), 'alice', alg);
    for (const alg of keys.keys()) assert.equal(await ask(await token(alg)), 'alice', `${alg} without kid`);
    assert.equal(server.asked, 1);
  });

  test('without kid is tried with every key of its kind', async () => {
    const others = [1, 2].map((n) => jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, `other${n}`));
    const { ask } = await setUp((server) => server.keys.unshift(...others));
    assert.equal(await ask(await token('ES256')), 'alice');
    assert.equal(await ask(await token('ES256', undefined, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)), 'UNAUTHENTICATED');
  });

  test('by another key under a known name is refused', async () => {
    const { ask } = await setUp();
    assert.equal(await ask(await token('ES256', 'ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)), 'UNAUTHENTICATED');
  });

  test('is not confused by algorithms: no HMAC with what is public, no secret of the set, no none, no key of another kind', async () => {
    const secret = Buffer.alloc(32, 7);
    const { ask } = await setUp((server) => server.keys.push({ kty: 'oct', k: secret.toString('base64url'), kid: 'oct', alg: 'HS256' }));
    const rsa = keys.get('RS256')!.publicKey;
    const publicBytes = [rsa.export({ type: 'spki', format: 'pem' }), Buffer.from(JSON.stringify(jwk(rsa, 'RS256'))), secret];
    for (const bytes of publicBytes) for (const kid of ['RS256', 'oct', undefined]) assert.equal(await ask(await token('HS256', kid, Buffer.from(bytes))), 'UNAUTHENTICATED');
    const [, claims] = (await token('ES256')).split('.');
    for (const kid of ['RS256', undefined]) assert.equal(await ask(`${Buffer.from(JSON.stringify({ alg: 'none', kid })).toString('base64url')}.${claims}.`), 'UNAUTHENTICATED');
    assert.equal(await ask(await token('ES256', 'RS256')), 'UNAUTHENTICATED');
  });

  test('of a key that is new is verified after another fetch, and at most one in the cooldown', async () => {
    const { server, clock, ask } = await setUp();
    await ask(await token('ES256', 'ES256'));
    const fresh = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const rotated = await token('ES256', 'fresh', fresh.privateKey);
    server.keys = [jwk(fresh.publicKey, 'fresh')];
    for (let i = 0; i < 20; i++) assert.equal(await ask(rotated), 'UNAUTHENTICATED');
    assert.equal(server.asked, 1, 'the first fetch was a moment ago');
    clock.nowMs += COOLDOWN_MS;
    assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => ask(rotated))), Array(20).fill('alice'));
    assert.equal(server.asked, 2, 'all who wait share one fetch');
    assert.equal(await ask(await token('ES256', 'ES256')), 'UNAUTHENTICATED', 'what is no longer in the set is not used');
  });

  test('is verified while the address is away; unknown keys wait for it', async () => {
    const { server, clock, warnings, ask } = await setUp();
    const known = await token('RS256', 'RS256');
    const unknown = await token('ES256', 'fresh', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    assert.equal(await ask(known), 'alice');
    await server.close();
    clock.nowMs += 10 * REFRESH_MS;
    assert.equal(await ask(known), 'alice');
    assert.equal(await ask(unknown), 'UNAVAILABLE');
    assert.equal(await ask(known), 'alice');
    assert.equal(warnings.length, 1, 'one fetch that failed, one line in the log');
    await server.open();
    assert.equal(await ask(unknown), 'UNAVAILABLE', 'the cooldown counts fetches that failed too');
    clock.nowMs += COOLDOWN_MS;
    assert.equal(await ask(unknown), 'UNAUTHENTICATED');
    assert.equal(await ask(known), 'alice');
  });

  test('old keys are fetched again in the background, without making a token wait', async () => {
    const { server, clock, ask } = await setUp();
    const known = await token('EdDSA', 'EdDSA');
    await ask(known);
    server.keys = [jwk(keys.get('ES256')!.publicKey, 'ES256')];
    let open = (): void => {};
    server.gate = new Promise((resolve) => (open = resolve));
    clock.nowMs += REFRESH_MS;
    assert.equal(await ask(known), 'alice', 'by the key at hand');
    assert.equal(await ask(await token('RS256', 'RS256')), 'alice', 'the fetch is under way, and nobody waits');
    open();
    while ((await ask(known)) === 'alice') await new Promise(setImmediate);
    assert.equal(await ask(known), 'UNAUTHENTICATED', 'revoked by then');
    assert.equal(server.asked, 2);
  });

  test('waits for the first keys: until there are some, the server is what is not ready', async () => {
    const answers = [{ status: 500, body: '' }, { status: 302, body: '' }, { status: 200, body: 'not json' }, { status: 200, body: '{"keys":7}' }, { status: 200, body: 'null' }];
    for (const answer of answers) {
      const { server, clock, warnings, ask } = await setUp((away) => (away.answer = answer));
      const good = await token('ES256', 'ES256');
      assert.equal(await ask(good), 'UNAVAILABLE', answer.body);
      assert.equal(warnings.length, 1);
      server.answer = undefined;
      clock.nowMs += COOLDOWN_MS;
      assert.equal(await ask(good), 'alice');
    }
  });

  test('a set without a single useful key lets nobody in', async () => {
    const { ask } = await setUp((server) => (server.keys = [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'ES256' }, { kty: 'what', kid: 'RS256' }]));
    for (const alg of keys.keys()) assert.equal(await ask(await token(alg, alg)), 'UNAUTHENTICATED');
  });
});
