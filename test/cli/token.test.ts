import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from 'godwit-schemas';
import { describe, test } from 'node:test';
import { Hs256, readToken } from '../../plugins/auth/token.js';
import { Device } from '../support/device.js';
import { serveProcess } from '../support/process.js';
import { Shell } from './command.js';

const SECRET = '0123456789abcdefghijklmnopqrstuv';
const DAY_S = 86_400;

describe('godwit token', { concurrency: true }, () => {
  test('prints a token alone, signed with GODWIT_AUTH_SECRET, for the usual time (tokenDays)', async (t) => {
    const shell = await Shell.open(t, { GODWIT_AUTH_SECRET: SECRET });
    const stdout = await shell.ok('token', 'alice');
    const token = stdout.trimEnd();
    assert.equal(stdout, `${token}\n`);
    assert.ok(new Hs256(SECRET).verifies(token));
    const { sub, device, admin, iat, exp } = readToken(token)!.claims;
    assert.deepEqual({ sub, device, admin }, { sub: 'alice', device: undefined, admin: undefined });
    assert.equal((exp as number) - (iat as number), limits.tokenDays.value * DAY_S);
  });

  test('binds it to a device, makes it an admin, and valid for as long as asked for', async (t) => {
    const shell = await Shell.open(t, { GODWIT_AUTH_SECRET: SECRET });
    const token = await shell.ok('token', 'alice', '--device', 'phone', '--admin', '--days', '0.5');
    const { device, admin, iat, exp } = readToken(token.trimEnd())!.claims;
    assert.deepEqual({ device, admin }, { device: 'phone', admin: true });
    assert.equal((exp as number) - (iat as number), DAY_S / 2);
  });

  test('with the secret that the server made, it lets a device in', async (t) => {
    const server = await serveProcess(t, { GODWIT_AUTH_SECRET: '' });
    const shell = await Shell.open(t);
    const password = (await shell.ok('token', 'alice', '--data', server.data)).trimEnd();
    const device = await Device.connect(t, server, 'alice:phone', { password });
    assert.deepEqual(device.granted, [1]);
  });

  const refused: [string, Record<string, string>, RegExp][] = [
    ['there is no secret yet', {}, /there is no secret in .*data yet: start the server once/],
    ['GODWIT_AUTH_SECRET is too short', { GODWIT_AUTH_SECRET: 'short' }, /GODWIT_AUTH_SECRET: expected at least 32 bytes/],
    ['tokens are made elsewhere', { GODWIT_AUTH_JWKS_URL: 'https://example.com/keys' }, /who holds the private key/],
  ];
  for (const [what, env, expected] of refused) {
    test(`says in one line that ${what}`, async (t) => {
      const shell = await Shell.open(t, env);
      const { code, stdout, stderr } = await shell.run(['token', 'alice']);
      assert.match(stderr, /^godwit: .*\n$/);
      assert.match(stderr, expected);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    });
  }

  test('says in one line that others can read the secret', async (t) => {
    const shell = await Shell.open(t);
    const data = join(shell.folder, 'data');
    mkdirSync(data);
    writeFileSync(join(data, 'secret'), SECRET);
    chmodSync(join(data, 'secret'), 0o644);
    const { code, stderr } = await shell.run(['token', 'alice']);
    assert.match(stderr, /^godwit: .*can be read by others \(mode 644\).*chmod 600.*\n$/);
    assert.equal(code, 1);
  });
});
