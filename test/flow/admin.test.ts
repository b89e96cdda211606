import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, limits, type MethodName } from 'godwit-schemas';
import { bodyOf } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { httpCall } from '../support/http.js';
import { until } from '../support/recorder.js';
import { Wire } from '../support/wire.js';

const admin = { admin: true };

describe('admin.*', () => {
  test('asks for a token with the claim admin: true', async (t) => {
    const server = await startGodwit(t);
    const methods: MethodName[] = ['admin.users.add', 'admin.users.remove', 'admin.users.list', 'admin.devices.list', 'admin.queue', 'admin.backup'];
    for (const method of methods) {
      const { status, error } = await httpCall(server, 'alice', method, {});
      assert.deepEqual([status, error?.code], [403, Code.NOT_ALLOWED], method);
    }
  });

  test('users.add makes someone who can be written to before they come', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    assert.equal((await alice.send('bob', 'hello')).code, Code.UNKNOWN_USER);
    assert.equal((await httpCall(server, 'root', 'admin.users.add', { user: 'bob' }, admin)).value?.created, true);
    assert.equal((await httpCall(server, 'root', 'admin.users.add', { user: 'bob' }, admin)).value?.created, false);
    assert.equal((await httpCall(server, 'root', 'admin.users.add', { user: 'b b' }, admin)).error?.code, Code.MALFORMED);
    await alice.send('bob', 'hello');
    const bob = await Device.connect(t, server, 'bob:phone');
    assert.equal((await bob.message('hello')).value.after, 0n);
  });

  test('users.remove ends their connections with REVOKED; what they wrote stays', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    const carol = await Device.connect(t, server, 'bob:laptop', { filters: ['u/bob/result'] });
    await bob.send('alice', 'from bob');
    await alice.message('from bob');
    assert.equal((await httpCall(server, 'root', 'admin.users.remove', { user: 'bob' }, admin)).value?.removed, true);
    for (const device of [bob, carol]) {
      await device.closed;
      assert.equal(device.got('result').at(-1)!.value.code, Code.REVOKED);
    }
    assert.equal((await alice.send('bob', 'are you there?')).code, Code.UNKNOWN_USER);
    assert.equal((await httpCall(server, 'root', 'admin.users.remove', { user: 'bob' }, admin)).value?.removed, false);
    const [entry] = await server.godwit.storage.log.read('d:alice:bob', 1, { entries: 1, bytes: 1 });
    assert.ok(entry.buffer.includes('from bob'));
  });

  test('users.remove leaves nothing for who comes by that name later: no session, no packet in flight', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    await bob.subscribe('u/bob/#');
    await alice.send('bob', 'in flight');
    await bob.next('msg', 'the message');
    await httpCall(server, 'root', 'admin.users.remove', { user: 'bob' }, admin);
    await bob.closed();
    const later = await Wire.dial(t, server);
    const { sessionPresent } = await later.login(server, 'bob:phone');
    assert.equal(sessionPresent, false);
    await later.pong();
    assert.deepEqual(later.got('msg'), []);
    await later.subscribe('u/bob/#');
    await later.pong();
    assert.ok(later.got('msg').every((it) => !it.dup));
  });

  test('users.list gives them in order, page by page', async (t) => {
    const server = await startGodwit(t);
    for (const user of ['dave', 'carol', 'Bob', 'alice', '__proto__']) await httpCall(server, 'root', 'admin.users.add', { user }, admin);
    const phone = await Device.connect(t, server, 'alice:phone');
    await (await Device.connect(t, server, 'carol:phone')).leave();
    const before = server.now();
    const page = async (after: string, limit: number) => (await httpCall(server, 'root', 'admin.users.list', { after, limit }, admin)).value!;
    const first = await page('', 2);
    assert.deepEqual([first.users.map((it) => it.user), first.more], [['Bob', '__proto__'], true]);
    const rest = await page('__proto__', 0);
    assert.deepEqual([rest.users.map((it) => [it.user, it.devices, it.online]), rest.more], [[['alice', 1, true], ['carol', 1, false], ['dave', 0, false]], false]);
    assert.ok(Math.abs(Number(rest.users[1].lastSeenMs) - before) < 10_000);
    assert.deepEqual([rest.users[2].lastSeenMs, rest.users[0].createdAtMs > 0n], [0n, true]);
    await phone.leave();
  });

  test('users.list gives usersPage of them at most', async (t) => {
    const server = await startGodwit(t);
    const most = limits.usersPage.value;
    const { directory } = server.godwit.storage;
    await Promise.all(Array.from({ length: most + 1 }, (_, i) => directory.addUser(`user${i}`, server.now())));
    const { value } = await httpCall(server, 'root', 'admin.users.list', { limit: most * 5 }, admin);
    assert.deepEqual([value!.users.length, value!.more], [most, true]);
  });

  test('devices.list says when each was first and last seen, and what it subscribes to', async (t) => {
    const server = await startGodwit(t);
    const list = async () => (await httpCall(server, 'root', 'admin.devices.list', { user: 'alice' }, admin)).value!.devices.sort((a, b) => (a.device < b.device ? -1 : 1));
    const phone = await Device.connect(t, server, 'alice:phone');
    const laptop = await Device.connect(t, server, 'alice:laptop', { filters: ['u/alice/msg', 'presence/bob'] });
    await Device.connect(t, server, 'alice:visitor', { clean: true });
    server.clock.advance(3_600_000);
    await laptop.client.publishAsync('to/alice/raw', 'note', { qos: 1 });
    await laptop.leave();
    await until('the laptop has left', async () => (await list())[0]?.connected === false);
    const devices = await list();
    assert.deepEqual(devices.map((it) => [it.device, it.connected, it.filters.sort()]), [['laptop', false, ['presence/bob', 'u/alice/msg']], ['phone', true, ['u/alice/#']]]);
    assert.ok(devices[0].lastSeenMs >= devices[0].firstSeenMs + 3_600_000n, 'last seen is when it was last heard');
    assert.equal((await httpCall(server, 'root', 'admin.devices.list', { user: 'nobody' }, admin)).error?.code, Code.UNKNOWN_USER);
    await phone.leave();
  });

  test('queue says what waits for whom', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const carol = await Device.connect(t, server, 'carol:phone');
    for (const body of ['1', '2', '3']) await alice.send('bob', body);
    await carol.send('bob', '1');
    const queue = async () => (await httpCall(server, 'root', 'admin.queue', { user: 'bob' }, admin)).value!.entries.map((it) => [it.device, it.conversation, it.delivered, it.head, it.waiting]);
    assert.deepEqual((await queue()).sort(), [['phone', 'd:alice:bob', 0n, 3n, 3n], ['phone', 'd:bob:carol', 0n, 1n, 1n]]);
    const bob = await Device.connect(t, server, 'bob:phone');
    assert.deepEqual((await bob.messages(4)).filter((it) => it.value.from === 'alice').map(bodyOf), ['1', '2', '3']);
    await bob.leave();
    await until('nothing waits', async () => (await queue()).length === 0);
  });
});
