import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import {
  AdminDevicesListResponseSchema,
  AdminQueueResponseSchema,
  AdminUsersListResponseSchema,
  Code,
  create,
  createUlid,
  directConversation,
  limits,
  methods,
  State,
  type MethodName,
} from 'godwit-schemas';
import { RefusedError, type Caller, type Plugin, type Refusal } from '../../broker/ports/plugin.js';
import { adminPlugin } from '../../plugins/admin/index.js';
import { Clock, FakeSession, fakeContext, type FakeContext } from './fake-context.js';

const root: Caller = { user: 'root', device: undefined, admin: true, expiresAtMs: 0, session: undefined, address: '' };
const AB = directConversation('alice', 'bob');
const newId = createUlid();

class Ending extends FakeSession {
  ended: Refusal | undefined;
  override end(refusal?: Refusal): void {
    this.ended = refusal;
  }
}

async function open(): Promise<{ plugin: Plugin; context: FakeContext; clock: Clock; call: (method: MethodName, request?: object) => Promise<any>; forgotten: () => number }> {
  const clock = new Clock(1_000);
  const context = fakeContext(clock);
  let forgotten = 0;
  const plugin = adminPlugin();
  await plugin.start!(Object.assign(context, { forgetRoutes: () => forgotten++ }));
  const call = async (method: MethodName, request: object = {}): Promise<unknown> => plugin.methods![method]!(root, create(methods[method].request, request as never), new Uint8Array(0));
  return { plugin, context, clock, call, forgotten: () => forgotten };
}

function refused(code: Code) {
  return (error: unknown): boolean => error instanceof RefusedError && error.refusal.code === code;
}

async function addDevice({ storage }: FakeContext, user: string, device: string): Promise<void> {
  await storage.directory.putDevice({ user, device, firstSeenMs: 10, lastSeenMs: 20, filters: new Map([[`u/${user}/#`, 1]]), packetIds: 0 });
}

async function write({ storage }: FakeContext, count: number): Promise<void> {
  const batch = Array.from({ length: count }, () => ({
    conversation: AB, members: ['alice', 'bob'], from: 'alice', fromDevice: '', id: newId(), buffer: new Uint8Array(0), start: 0, end: 0,
    aux: undefined, flags: 0, epoch: 0, expiresInS: 0, code: Code.OK, seq: 0, sentAtMs: 0, duplicate: false,
  }));
  await storage.log.append(batch);
}

test('every admin method of the table is answered, and asks for an admin', async () => {
  const { plugin } = await open();
  const names = Object.keys(methods).filter((name) => name.startsWith('admin.'));
  assert.deepEqual(Object.keys(plugin.methods!).sort(), names.sort());
  for (const name of names) assert.equal(methods[name as MethodName].who, 'admin');
});

describe('users', () => {
  test('are added once', async () => {
    const { call, context } = await open();
    assert.deepEqual(await call('admin.users.add', { user: 'alice' }), { created: true });
    assert.deepEqual(await call('admin.users.add', { user: 'alice' }), { created: false });
    assert.deepEqual(await context.storage.directory.user('alice'), { user: 'alice', createdAtMs: 1_000 });
    for (const user of ['', 'a/b', 'a'.repeat(65)]) await assert.rejects(call('admin.users.add', { user }), refused(Code.MALFORMED));
  });

  test('are removed, which the host does', async () => {
    const { call, context } = await open();
    const removed: [string, Code][] = [];
    Object.assign(context, { removeUser: async (user: string, { code }: Refusal) => removed.push([user, code]) === 1 });
    assert.deepEqual(await call('admin.users.remove', { user: 'alice' }), { removed: true });
    assert.deepEqual(await call('admin.users.remove', { user: 'alice' }), { removed: false });
    await assert.rejects(call('admin.users.remove', { user: 'a/b' }), refused(Code.MALFORMED));
    assert.deepEqual(removed, [['alice', Code.REVOKED], ['alice', Code.REVOKED]]);
  });

  test('are listed in pages, with their devices and when they were seen (usersPage)', async () => {
    const { call, context } = await open();
    for (const user of ['carol', 'alice', 'bob', 'constructor']) await call('admin.users.add', { user });
    await addDevice(context, 'bob', 'phone');
    await context.storage.presence.put({ user: 'bob', connection: 'c', state: State.ONLINE, heardAtMs: 900, untilMs: 2_000 });
    const page = create(AdminUsersListResponseSchema, await call('admin.users.list', { limit: 3 }));
    assert.deepEqual([page.users.map(({ user }) => user), page.more], [['alice', 'bob', 'carol'], true]);
    const [alice, bob] = page.users;
    assert.deepEqual([bob.devices, bob.online, bob.lastSeenMs, bob.createdAtMs], [1, true, 900n, 1_000n]);
    assert.deepEqual([alice.devices, alice.online, alice.lastSeenMs], [0, false, 0n]);
    const last = create(AdminUsersListResponseSchema, await call('admin.users.list', { after: 'carol', limit: 3 }));
    assert.deepEqual([last.users.map(({ user }) => user), last.more], [['constructor'], false]);
    await assert.rejects(call('admin.users.list', { after: 'a/b' }), refused(Code.MALFORMED));

    for (let i = 0; i < limits.usersPage.value; i++) await call('admin.users.add', { user: `user${i}` });
    const most = await call('admin.users.list', { limit: 1_000_000 });
    assert.deepEqual([most.users.length, most.more], [limits.usersPage.value, true]);
  });
});

describe('devices', () => {
  test('are listed with what they subscribe to and whether they are connected', async () => {
    const { call, context } = await open();
    await call('admin.users.add', { user: 'alice' });
    await addDevice(context, 'alice', 'laptop');
    await addDevice(context, 'alice', 'phone');
    context.sessions.add(new Ending('alice', 'phone', 0));
    const { devices } = create(AdminDevicesListResponseSchema, await call('admin.devices.list', { user: 'alice' }));
    const shown = devices.map(({ device, connected, firstSeenMs, lastSeenMs, filters }) => [device, connected, firstSeenMs, lastSeenMs, ...filters]).sort();
    assert.deepEqual(shown, [['laptop', false, 10n, 20n, 'u/alice/#'], ['phone', true, 10n, 20n, 'u/alice/#']]);
    await assert.rejects(call('admin.devices.list', { user: 'nobody' }), refused(Code.UNKNOWN_USER));
    await assert.rejects(call('admin.devices.list', { user: 'a/b' }), refused(Code.MALFORMED));
  });

  test('have waiting what lies between their cursors and the heads', async () => {
    const { call, context } = await open();
    await call('admin.users.add', { user: 'bob' });
    await addDevice(context, 'bob', 'phone');
    await addDevice(context, 'bob', 'laptop');
    await write(context, 5);
    const move = (device: string, position: number): void =>
      context.storage.cursors.moveDevice('bob', device, AB, { position, last: position, started: true, toldDelivered: 0, toldRead: 0, toldOwnRead: 0 });
    move('phone', 3);
    const queued = async (): Promise<unknown[]> => {
      const { entries } = create(AdminQueueResponseSchema, await call('admin.queue', { user: 'bob' }));
      return entries.map(({ device, conversation, delivered, head, waiting }) => [device, conversation, delivered, head, waiting]).sort();
    };
    assert.deepEqual(await queued(), [['laptop', AB, 0n, 5n, 5n], ['phone', AB, 3n, 5n, 2n]]);
    move('phone', 5);
    assert.deepEqual(await queued(), [['laptop', AB, 0n, 5n, 5n]]);
    await assert.rejects(call('admin.queue', { user: 'nobody' }), refused(Code.UNKNOWN_USER));
  });
});

describe('a backup', () => {
  async function folder(t: TestContext): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'godwit-'));
    t.after(() => rm(path, { recursive: true }));
    return path;
  }

  test('goes into a new or empty folder', async (t) => {
    const { call, context } = await open();
    const into: string[] = [];
    t.mock.method(context.storage, 'backup', async (path: string) => (into.push(path), { bytes: 10, entries: 3 }));
    const empty = await folder(t);
    for (const path of [empty, join(empty, 'new')]) assert.deepEqual(await call('admin.backup', { folder: path }), { bytes: 10n, entries: 3n });
    assert.deepEqual(into, [empty, join(empty, 'new')]);
  });

  test('goes nowhere else', async (t) => {
    const { call, context } = await open();
    const backup = t.mock.method(context.storage, 'backup', async () => ({ bytes: 0, entries: 0 }));
    const full = await folder(t);
    await writeFile(join(full, 'file'), 'x');
    await mkdir(join(full, 'sub'));
    await assert.rejects(call('admin.backup', { folder: full }), refused(Code.CONFLICT));
    await assert.rejects(call('admin.backup', { folder: join(full, 'file') }), refused(Code.CONFLICT));
    await assert.rejects(call('admin.backup', { folder: 'relative/path' }), refused(Code.MALFORMED));
    await assert.rejects(call('admin.backup', { folder: '' }), refused(Code.MALFORMED));
    assert.equal(backup.mock.callCount(), 0);
  });
});
