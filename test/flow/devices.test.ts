import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, limits } from 'godwit-schemas';
import { tokenFor } from '../support/address.js';
import { bodyOf } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import type { Scope } from '../support/folder.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { done, refused } from '../support/groups.js';
import { httpCall } from '../support/http.js';
import { until } from '../support/recorder.js';
import { Wire } from '../support/wire.js';

const DAY_MS = 86_400_000;
const TOO_MANY = /devices already: devices\.revoke makes room/;

/** The CONNACK's return code. */
async function connack(t: Scope, server: TestServer, id: string, token: string, clean = false): Promise<number | undefined> {
  const wire = await Wire.dial(t, server, id);
  const { returnCode } = await wire.login(server, id, { password: Buffer.from(token), clean });
  if (returnCode === 0) await wire.leave();
  return returnCode;
}

const devicesOf = async (device: Device): Promise<unknown[]> =>
  (await done(device, 'devices.list', {})).devices.map((it) => [it.device, it.connected, it.current]).sort();

describe('many devices', () => {
  test('devicesOfUser at most, also when they come at once; clean sessions do not count; an end of one makes room', async (t) => {
    const server = await startGodwit(t);
    const token = tokenFor(server, 'alice', { days: 400 });
    const most = limits.devicesOfUser.value;
    const phone = await Device.connect(t, server, 'alice:phone');
    const codes = await Promise.all(Array.from({ length: most + 2 }, (_, i) => connack(t, server, `alice:d${i}`, token)));
    assert.deepEqual(codes.sort(), [...Array<number>(most - 1).fill(0), 5, 5, 5]);
    assert.ok(server.logged.all.some(({ why }) => TOO_MANY.test(String(why))), 'the log says why');
    assert.equal(await connack(t, server, 'alice:visitor', token, true), 0);
    assert.equal(await connack(t, server, 'bob:phone', tokenFor(server, 'bob')), 0);
    await server.restart();
    const again = await Device.connect(t, server, phone.id);
    assert.equal(await connack(t, server, 'alice:one-more', token), 5);
    const other = (await done(again, 'devices.list', {})).devices.find(({ device }) => device !== 'phone')!;
    await done(again, 'devices.revoke', { device: other.device });
    assert.equal(await connack(t, server, 'alice:one-more', token), 0);
  });

  test('devices.list says which there are, when they were seen, which are connected, and which one asks', async (t) => {
    const server = await startGodwit(t);
    const phone = await Device.connect(t, server, 'alice:phone');
    await (await Device.connect(t, server, 'alice:laptop')).leave();
    await Device.connect(t, server, 'alice:visitor', { clean: true });
    await Device.connect(t, server, 'bob:phone');
    await until('the laptop has left', async () => JSON.stringify(await devicesOf(phone)) === JSON.stringify([['laptop', false, false], ['phone', true, true]]));
    server.clock.advance(1_000_000);
    const { devices } = await done(phone, 'devices.list', {});
    const seen = new Map(devices.map((it) => [it.device, Number(it.lastSeenMs - it.firstSeenMs)]));
    assert.ok(seen.get('phone')! >= 1_000_000 && seen.get('laptop')! < 1_000_000);
    const byHttp = await httpCall(server, 'alice', 'devices.list', {});
    assert.deepEqual(byHttp.value!.devices.map((it) => it.current), [false, false]);
  });

  test('devices.revoke: the connection ends with REVOKED, session and cursors go, and no token from before opens one; also after a restart', async (t) => {
    const server = await startGodwit(t);
    const old = new Map([['of any device', tokenFor(server, 'alice', { days: 400 })], ['of this device', tokenFor(server, 'alice', { device: 'tablet', days: 400 })]]);
    const phone = await Device.connect(t, server, 'alice:phone');
    const tablet = await Device.connect(t, server, 'alice:tablet');
    const bob = await Device.connect(t, server, 'bob:phone');
    await bob.send('alice', 'before');
    await tablet.message('before');
    await phone.message('before');
    assert.equal((await done(phone, 'devices.revoke', { device: 'tablet' })).revoked, true);
    await tablet.closed;
    assert.equal(tablet.got('result').at(-1)!.value.code, Code.REVOKED);
    assert.deepEqual(await devicesOf(phone), [['phone', true, true]]);
    assert.equal((await server.godwit.storage.cursors.ofDevice('alice', 'tablet')).size, 0);
    server.clock.advance(5_000);
    for (const restarted of [false, true]) {
      if (restarted) await server.restart();
      for (const [which, token] of old) {
        assert.equal(await connack(t, server, 'alice:tablet', token), 5, which);
        assert.equal(await connack(t, server, 'alice:tablet', token, true), 5, `${which}, clean`);
      }
      assert.equal((await httpCall(server, 'alice', 'devices.list', {}, { token: old.get('of this device') })).status, 401);
      assert.equal(await connack(t, server, 'alice:other', old.get('of any device')!), 0, 'others are open still');
    }
    const again = await Device.connect(t, server, 'bob:phone');
    await again.send('alice', 'meanwhile');
    const fresh = await Device.connect(t, server, 'alice:tablet');
    assert.equal(fresh.sessionPresent, false);
    assert.equal(bodyOf(await fresh.message('meanwhile')), 'meanwhile');
    await fresh.settled();
    assert.deepEqual(fresh.bodies, ['meanwhile'], 'it begins where the other devices are');
    await refused(fresh, 'auth.renew', { token: old.get('of this device')! }, Code.UNAUTHENTICATED);
  });

  test('devices.revoke of a clean session, of oneself, of none, and of what is no device id', async (t) => {
    const server = await startGodwit(t);
    const phone = await Device.connect(t, server, 'alice:phone');
    const visitor = await Device.connect(t, server, 'alice:visitor', { clean: true });
    const namesake = await Device.connect(t, server, 'bob:visitor', { clean: true });
    assert.equal((await done(phone, 'devices.revoke', { device: 'visitor' })).revoked, true);
    await visitor.closed;
    assert.equal((await done(phone, 'devices.revoke', { device: 'none' })).revoked, false);
    await refused(phone, 'devices.revoke', { device: 'no device' }, Code.MALFORMED);
    void phone.call('devices.revoke', { device: 'phone' }).catch(() => undefined);
    await phone.closed;
    assert.equal(phone.got('result').at(-1)!.value.code, Code.REVOKED);
    await namesake.settled();
  });

  test('a token that was looked at before the revocation came opens no connection after it', async (t) => {
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    let entered = (): void => undefined;
    const asked = new Promise<void>((resolve) => (entered = resolve));
    const server = await startGodwit(t, {
      wrapStorage: (storage) => {
        const user = storage.directory.user.bind(storage.directory);
        storage.directory.user = async (name) => {
          if (name === 'alice') {
            entered();
            await held;
          }
          return user(name);
        };
        return storage;
      },
    });
    const slow = connack(t, server, 'alice:tablet', tokenFor(server, 'alice')).catch(() => 'closed');
    await asked;
    assert.equal((await httpCall(server, 'alice', 'devices.revoke', { device: 'tablet' })).value?.revoked, false);
    letGo();
    await slow;
    await until('the connection was ended', async () => server.logged.all.some(({ msg, code }) => msg === 'connection ended' && code === Code.REVOKED));
    await until('nothing is kept', async () => (await server.godwit.storage.directory.devicesOf('alice')).length === 0);
  });

  test('revocationsOfUser are remembered, for revocationDays', async (t) => {
    const server = await startGodwit(t);
    const phone = await Device.connect(t, server, 'alice:phone');
    const { directory } = server.godwit.storage;
    const token = tokenFor(server, 'alice', { days: 1_000 });
    await Promise.all(Array.from({ length: limits.revocationsOfUser.value }, (_, i) => directory.revokeDevice('alice', `d${i}`, server.now())));
    await refused(phone, 'devices.revoke', { device: 'one-more' }, Code.LIMIT_REACHED);
    await done(phone, 'devices.revoke', { device: 'd7' });
    server.clock.advance(5_000);
    assert.equal(await connack(t, server, 'alice:d7', token), 5);
    server.clock.advance(limits.revocationDays.value * DAY_MS);
    await until('they are forgotten', async () => (await directory.revocationsOf('alice')).size === 0);
    assert.equal(await connack(t, server, 'alice:d7', token), 0);
  });
});

describe('a device that stays away for deviceIdleDays', () => {
  const away = limits.deviceIdleDays.value * DAY_MS + DAY_MS;

  test('is forgotten, and begins as new; one that is connected is not away', async (t) => {
    const server = await startGodwit(t);
    const phone = await Device.connect(t, server, 'alice:phone');
    const tablet = await Device.connect(t, server, 'alice:tablet');
    const bob = await Device.connect(t, server, 'bob:phone');
    await bob.send('alice', 'one');
    await Promise.all([phone.message('one'), tablet.message('one')]);
    await tablet.leave();
    const token = tokenFor(server, 'bob', { days: 400 });
    await bob.leave();
    server.clock.advance(away / 2);
    const later = await Device.connect(t, server, 'bob:phone');
    await later.send('alice', 'two');
    await phone.message('two');
    server.clock.advance(away / 2);
    const { directory, cursors } = server.godwit.storage;
    await until('the tablet is forgotten', async () => (await directory.device('alice', 'tablet')) === undefined && (await cursors.ofDevice('alice', 'tablet')).size === 0);
    assert.ok(await directory.device('alice', 'phone'));
    const again = await Device.connect(t, server, 'alice:tablet');
    assert.equal(again.sessionPresent, false);
    await again.settled();
    assert.deepEqual(again.bodies, [], 'it begins where the other devices are');
    assert.equal(await connack(t, server, 'bob:phone', token), 0);
  });

  test('also when it comes before the sweep', async (t) => {
    const server = await startGodwit(t);
    await (await Device.connect(t, server, 'alice:tablet')).leave();
    const before = (await server.godwit.storage.directory.device('alice', 'tablet'))!;
    await server.stop();
    server.clock.advance(away);
    await server.start();
    const tablet = await Device.connect(t, server, 'alice:tablet');
    assert.equal(tablet.sessionPresent, false);
    const record = (await server.godwit.storage.directory.device('alice', 'tablet'))!;
    assert.ok(record.firstSeenMs >= before.firstSeenMs + away);
  });
});
