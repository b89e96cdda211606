import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { describe, test } from 'node:test';
import { jwtVerify, SignJWT } from 'jose';
import { Code, create, AuthRenewRequestSchema, toBinary, AuthRenewResponseSchema } from 'godwit-schemas';
import { RefusedError, type Caller, type Identity, type Refusal } from '../../broker/ports/plugin.js';
import { authPlugin, type AuthKey } from '../../plugins/auth/index.js';
import { makeToken } from '../../plugins/auth/token.js';
import { Clock, fakeContext, FakeSession } from './fake-context.js';

const NOW = Date.UTC(2026, 10, 22);
const NOW_S = NOW / 1000;
const SECRET = 'a secret that is thirty-two bytes';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const pemOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string;

async function ask(key: AuthKey, token: string, nowMs = NOW): Promise<Identity | Refusal> {
  const answer = await authPlugin(key).authenticate!(token, nowMs);
  assert.ok(answer, 'tokens are this plugin\'s alone');
  return answer;
}

async function refused(key: AuthKey, token: string, code: Code, nowMs = NOW): Promise<string> {
  const answer = await ask(key, token, nowMs);
  assert.ok('code' in answer, `accepted: ${token}`);
  assert.equal(Code[answer.code], Code[code], token);
  for (const part of token.split('.')) assert.ok(part.length < 8 || !answer.text.includes(part), 'the text shows the token');
  return answer.text;
}

function hs256(claims: unknown, header: object = { alg: 'HS256' }, secret: string | Buffer = SECRET): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

const secret: AuthKey = { kind: 'secret', secret: SECRET };
const publicKeys: [string, KeyObject, KeyObject][] = [['RS256', rsa.publicKey, rsa.privateKey], ['ES256', ec.publicKey, ec.privateKey], ['EdDSA', ed.publicKey, ed.privateKey]];

function sign(alg: string, key: KeyObject, claims: Record<string, unknown> = { sub: 'alice' }): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(key);
}

describe('a token by secret', () => {
  test('says who it is', async () => {
    assert.deepEqual(await ask(secret, hs256({ sub: 'alice' })), { user: 'alice', device: undefined, admin: false, expiresAtMs: 0 });
    assert.deepEqual(await ask(secret, hs256({ sub: 'bob', device: 'phone', admin: true, exp: NOW_S + 60, nbf: NOW_S, iat: NOW_S, aud: 'x' })), { user: 'bob', device: 'phone', admin: true, expiresAtMs: NOW + 60_000, issuedAtMs: NOW });
    for (const user of ['constructor', '__proto__', 'toString']) assert.equal(((await ask(secret, hs256({ sub: user }))) as Identity).user, user);
  });

  test('is answered at once, without a promise', () => {
    assert.ok(!(authPlugin(secret).authenticate!(hs256({ sub: 'alice' }), NOW) instanceof Promise));
  });

  test('made by jose is read, and the other way round', async () => {
    const key = new TextEncoder().encode(SECRET);
    const theirs = await new SignJWT({ sub: 'alice', device: 'phone' }).setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: '1' }).setExpirationTime(NOW_S + 5).sign(key);
    assert.deepEqual(await ask(secret, theirs), { user: 'alice', device: 'phone', admin: false, expiresAtMs: NOW + 5000 });
    const ours = makeToken({ secret: SECRET, user: 'alice', device: 'phone', admin: true, days: 30, nowMs: NOW });
    const { payload } = await jwtVerify(ours, key, { algorithms: ['HS256'], currentDate: new Date(NOW) });
    assert.deepEqual(payload, { sub: 'alice', device: 'phone', admin: true, iat: NOW_S, exp: NOW_S + 30 * 86_400 });
    assert.equal(((await ask(secret, ours)) as Identity).expiresAtMs, NOW + 30 * 86_400_000);
  });

  test('is valid from nbf until exp, to the millisecond', async () => {
    const token = hs256({ sub: 'alice', nbf: NOW_S, exp: NOW_S + 60 });
    assert.match(await refused(secret, token, Code.UNAUTHENTICATED, NOW - 1), /not valid yet/);
    for (const nowMs of [NOW, NOW + 59_999]) assert.ok('user' in (await ask(secret, token, nowMs)));
    for (const nowMs of [NOW + 60_000, NOW + 1e10]) assert.match(await refused(secret, token, Code.UNAUTHENTICATED, nowMs), /expired/);
    assert.equal(((await ask(secret, hs256({ sub: 'alice', exp: NOW_S + 0.5 }))) as Identity).expiresAtMs, NOW + 500);
    assert.equal(((await ask(secret, hs256({ sub: 'alice', exp: 1e300 }))) as Identity).expiresAtMs, 8.64e15);
  });

  test('with a claim that is not right is refused', async () => {
    const claims = [{}, { sub: '' }, { sub: 7 }, { sub: null }, { sub: ['alice'] }, { sub: 'a b' }, { sub: 'a:b' }, { sub: 'a'.repeat(65) }, { sub: 'alice\n' }, { device: 'phone' }];
    for (const bad of claims) assert.match(await refused(secret, hs256(bad), Code.UNAUTHENTICATED), /^sub /);
    for (const device of ['', 7, null, 'a/b', 'd'.repeat(33)]) assert.match(await refused(secret, hs256({ sub: 'alice', device }), Code.UNAUTHENTICATED), /^device /);
    for (const time of ['1', null, true, [1], {}]) {
      assert.match(await refused(secret, hs256({ sub: 'alice', exp: time }), Code.UNAUTHENTICATED), /^exp /);
      assert.match(await refused(secret, hs256({ sub: 'alice', nbf: time }), Code.UNAUTHENTICATED), /^nbf /);
    }
  });

  test('makes an admin by true alone', async () => {
    for (const admin of ['true', 1, {}, [], 'yes', false, null]) assert.equal(((await ask(secret, hs256({ sub: 'alice', admin }))) as Identity).admin, false, String(admin));
  });

  test('of another secret, or changed anywhere, is refused', async () => {
    await refused(secret, hs256({ sub: 'alice' }, { alg: 'HS256' }, `${SECRET}.`), Code.UNAUTHENTICATED);
    const token = hs256({ sub: 'alice', exp: NOW_S + 60 });
    const [header, claims, signature] = token.split('.');
    const other = Buffer.from(JSON.stringify({ sub: 'bob', exp: NOW_S + 60 })).toString('base64url');
    for (const forged of [`${header}.${other}.${signature}`, `${header}.${claims}.${signature.slice(0, -1)}`, `${header}.${claims}.${signature}A`, `${header}.${claims}.`, `${header}.${claims}.${randomBytes(32).toString('base64url')}`]) {
      await refused(secret, forged, Code.UNAUTHENTICATED);
    }
    // The last letter of 43 holds two bits that mean nothing: another letter with the same bytes is still another token.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const twin = alphabet[alphabet.indexOf(signature.at(-1)!) ^ 1];
    await refused(secret, `${header}.${claims}.${signature.slice(0, -1)}${twin}`, Code.UNAUTHENTICATED);
  });

  test('of another algorithm, or with an extension, is refused', async () => {
    for (const alg of ['none', 'None', 'NONE', 'HS384', 'HS512', 'hs256', 'RS256', '', undefined, null, 7, ['HS256']]) await refused(secret, hs256({ sub: 'alice' }, { alg }), Code.UNAUTHENTICATED);
    const [header, claims] = hs256({ sub: 'alice' }, { alg: 'none' }).split('.');
    await refused(secret, `${header}.${claims}.`, Code.UNAUTHENTICATED);
    for (const crit of [['b64'], ['exp'], [], 'b64', null]) await refused(secret, hs256({ sub: 'alice' }, { alg: 'HS256', crit, b64: false }), Code.UNAUTHENTICATED);
    for (const [alg, , key] of publicKeys) await refused(secret, await sign(alg, key), Code.UNAUTHENTICATED);
  });
});

describe('what is no token', () => {
  const object = Buffer.from('{}').toString('base64url');
  const b64 = (text: string): string => Buffer.from(text).toString('base64url');
  const garbage = ['', '.', '..', '...', 'hunter2', 'a.b', 'a.b.c', 'a.b.c.d', `${object}.${object}`, `${object}.${b64('[]')}.x`, `${b64('null')}.${object}.x`, `${object}.${b64('"x"')}.x`, `${object}.${b64('{')}.x`,
    `${object}=.${object}.x`, ` ${object}.${object}.x`, `${object}.${object}.x\n`, `${object}.${object}.+/`, `${object}.${object}.x.y`, '\0', '😀.😀.😀', randomBytes(3000).toString('latin1'), 'a'.repeat(60_000)];

  test('is malformed, by whatever key', async () => {
    const keys: AuthKey[] = [secret, { kind: 'publicKey', pem: pemOf(ec.publicKey) }, { kind: 'jwks', url: 'http://127.0.0.1:9/never-asked' }];
    for (const key of keys) for (const token of garbage) await refused(key, token, Code.MALFORMED);
  });
});

describe('a token by public key', () => {
  for (const [alg, publicKey, privateKey] of publicKeys) {
    const key: AuthKey = { kind: 'publicKey', pem: pemOf(publicKey) };

    test(`${alg} says who it is, and is bound by time and claims`, async () => {
      const token = await sign(alg, privateKey, { sub: 'alice', device: 'phone', exp: NOW_S + 60 });
      assert.deepEqual(await ask(key, token), { user: 'alice', device: 'phone', admin: false, expiresAtMs: NOW + 60_000 });
      assert.match(await refused(key, token, Code.UNAUTHENTICATED, NOW + 60_000), /expired/);
      await refused(key, await sign(alg, privateKey, { sub: 'a b' }), Code.UNAUTHENTICATED);
    });

    test(`${alg} is not to be confused with others`, async () => {
      // The classic: the public key, known to everyone, taken as the secret of an HMAC.
      const pem = pemOf(publicKey);
      const der = publicKey.export({ type: 'spki', format: 'der' });
      for (const known of [pem, pem.trim(), der]) await refused(key, hs256({ sub: 'alice' }, { alg: 'HS256' }, known), Code.UNAUTHENTICATED);
      await refused(key, hs256({ sub: 'alice' }, { alg }, pem), Code.UNAUTHENTICATED);
      const [header, claims] = hs256({ sub: 'alice' }, { alg: 'none' }).split('.');
      await refused(key, `${header}.${claims}.`, Code.UNAUTHENTICATED);
      for (const [otherAlg, , otherKey] of publicKeys) if (otherAlg !== alg) await refused(key, await sign(otherAlg, otherKey), Code.UNAUTHENTICATED);
    });

    test(`${alg} by another key, or changed, is refused`, async () => {
      const other = alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
      await refused(key, await sign(alg, other.privateKey), Code.UNAUTHENTICATED);
      const [header, , signature] = (await sign(alg, privateKey)).split('.');
      await refused(key, `${header}.${Buffer.from('{"sub":"bob"}').toString('base64url')}.${signature}`, Code.UNAUTHENTICATED);
      await refused(key, `${header}.${Buffer.from('{"sub":"alice"}').toString('base64url')}.`, Code.UNAUTHENTICATED);
    });
  }

  test('of RSA is RS256 alone', async () => {
    const key: AuthKey = { kind: 'publicKey', pem: pemOf(rsa.publicKey) };
    for (const alg of ['PS256', 'RS384', 'RS512']) await refused(key, await sign(alg, rsa.privateKey), Code.UNAUTHENTICATED);
  });

  test('of a kind that verifies nothing is an error at the start', () => {
    assert.throws(() => authPlugin({ kind: 'publicKey', pem: pemOf(generateKeyPairSync('x25519').publicKey) }), TypeError);
  });
});

describe('makeToken', () => {
  test('refuses what would be no token', () => {
    const good = { secret: SECRET, user: 'alice', days: 1, nowMs: NOW };
    for (const bad of [{ user: 'a b' }, { user: '' }, { device: 'a:b' }, { days: 0 }, { days: -1 }, { days: NaN }, { days: Infinity }]) assert.throws(() => makeToken({ ...good, ...bad }), RangeError);
  });
});

describe('auth.renew', () => {
  function setUp(): { renew: (token: string, caller?: Partial<Caller>) => Promise<unknown>; session: FakeSession } {
    const context = fakeContext(new Clock(NOW));
    const plugin = authPlugin(secret);
    void plugin.start?.(context);
    context.identify = (token) => plugin.authenticate!(token, NOW) as Identity | Refusal;
    const session = new FakeSession('alice', 'phone', NOW);
    const renew = async (token: string, caller: Partial<Caller> = {}): Promise<unknown> =>
      plugin.methods!['auth.renew']!({ ...session.identity, session, address: '', ...caller }, create(AuthRenewRequestSchema, { token }), new Uint8Array(0));
    return { renew, session };
  }

  test('gives the connection the new token\'s end', async () => {
    const { renew, session } = setUp();
    for (const device of [undefined, 'phone']) {
      const answer = await renew(hs256({ sub: 'alice', device, exp: NOW_S + 60 }));
      assert.deepEqual(answer, create(AuthRenewResponseSchema, { expiresAtMs: BigInt(NOW + 60_000), serverTimeMs: BigInt(NOW) }));
      assert.ok(toBinary(AuthRenewResponseSchema, answer as ReturnType<typeof create<typeof AuthRenewResponseSchema>>).length > 0);
      assert.equal(session.renewed?.expiresAtMs, NOW + 60_000);
    }
  });

  test('is refused to a token of another user or device, to a bad one, and where there is no connection', async () => {
    const { renew, session } = setUp();
    const cases: [string, Code, Partial<Caller>?][] = [
      [hs256({ sub: 'bob' }), Code.UNAUTHENTICATED],
      [hs256({ sub: 'alice', device: 'tablet' }), Code.UNAUTHENTICATED],
      [hs256({ sub: 'alice', exp: NOW_S }), Code.UNAUTHENTICATED],
      ['garbage', Code.MALFORMED],
      [hs256({ sub: 'alice' }), Code.NOT_ALLOWED, { session: undefined }],
    ];
    for (const [token, code, caller] of cases) {
      await assert.rejects(renew(token, caller), (error) => error instanceof RefusedError && error.refusal.code === code);
    }
    assert.equal(session.renewed, undefined);
  });
});
