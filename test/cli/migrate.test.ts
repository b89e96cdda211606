import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { GroupPermission, GroupRole } from 'godwit-schemas';
import type { GroupRecord } from '../../broker/ports/groups.js';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';
import { SECRET } from '../support/godwit.js';
import { MongoServer, noMongo } from '../support/mongo.js';
import { ServeProcess, serveProcess } from '../support/process.js';
import { Shell } from './command.js';

const record = (group: string, revision: number, users: string[]): GroupRecord => ({
  ...{ group, revision, name: 'Birds', description: '', picture: '', createdAtMs: 1, invitations: [], intent: undefined },
  ...{ maySend: GroupPermission.EVERYONE, mayEdit: GroupPermission.ADMINS, mayAdd: GroupPermission.ADMINS },
  members: new Map(users.map((user) => [user, { role: GroupRole.MEMBER, joinedAtMs: 1 }])),
});

/** A folder with 1,100 users (more than a page), 2 devices, and 3 groups of which one has ended. */
async function folder(t: TestContext): Promise<{ mongo: MongoServer; shell: Shell; data: string }> {
  const mongo = await MongoServer.start(t);
  const shell = await Shell.open(t, { GODWIT_MONGO_URL: mongo.url(), GODWIT_AUTH_SECRET: SECRET });
  const data = join(shell.folder, 'data');
  const { directory, groups, close } = await openEmbeddedStorage({ folder: data, now: Date.now });
  await Promise.all(Array.from({ length: 1_098 }, (_, i) => directory.addUser(`u${i}`, i)));
  for (const user of ['alice', '__proto__']) {
    await directory.addUser(user, 7);
    await directory.putDevice({ user, device: 'phone', firstSeenMs: Date.now(), lastSeenMs: Date.now(), filters: new Map([[`u/${user}/#`, 1]]), packetIds: 9 });
  }
  await groups.put(record('birds', 1, ['alice', '__proto__']));
  await groups.put(record('birds', 2, ['alice']));
  await groups.put(record('fish', 1, ['alice']));
  await groups.put(record('ended', 1, []));
  await close();
  return { mongo, shell, data };
}

const counts = (mongo: MongoServer): Promise<number[]> =>
  mongo.ask((db) => Promise.all(['users', 'devices', 'groups'].map((name) => db.collection(name).countDocuments())));

describe('godwit migrate', { concurrency: true }, () => {
  test('moves a folder, counts, and marks it: from then on it is served with MongoDB, and its backups are', { skip: noMongo }, async (t) => {
    const { mongo, shell, data } = await folder(t);
    const early = await (await ServeProcess.prepare(t, { GODWIT_MONGO_URL: mongo.url() }, data)).run();
    assert.match(early.stderr, /are in the folder: `godwit migrate` moves them/);
    assert.equal(await shell.ok('migrate'), 'users: 1100, devices: 2, groups: 3; as many are there now\nStart it with: GODWIT_MONGO_URL=… npx godwit serve\n');
    assert.deepEqual(await counts(mongo), [1_100, 2, 3]);
    const birds = await mongo.ask((db) => db.collection('groups').findOne({ _id: 'birds' } as never));
    assert.equal(birds?.revision, 2);

    const again = await shell.run(['migrate']);
    assert.deepEqual([again.code, /are in MongoDB already/.test(again.stderr)], [1, true], again.stderr);
    assert.deepEqual(await counts(mongo), [1_100, 2, 3]);
    const without = await (await ServeProcess.prepare(t, {}, data)).run();
    assert.match(without.stderr, /are in MongoDB: set GODWIT_MONGO_URL/);

    const server = await serveProcess(t, { GODWIT_MONGO_URL: mongo.url() }, data);
    assert.match(await shell.ok('user', 'list'), /^alice +1 /m);
    assert.match(await shell.ok('send', 'u1', 'alice', 'hello'), /✓ 1/);
    await shell.ok('backup', 'copy');
    await server.signal('SIGTERM');
    await shell.ok('restore', 'copy', '--data', 'restored');
    const restored = await serveProcess(t, { GODWIT_MONGO_URL: mongo.url() }, join(shell.folder, 'restored'));
    assert.match(await shell.ok('user', 'list', '--data', restored.data), /^alice +1 /m);
  });

  test('one that broke off is not served, and comes to its end when it is run again', { skip: noMongo }, async (t) => {
    const { mongo, shell, data } = await folder(t);
    await mongo.ask(async (db) => {
      await db.collection('migrations').insertOne({ _id: 'embedded', from: data, startedAtMs: 1 } as never);
      await db.collection('users').insertOne({ _id: 'alice', createdAtMs: 7 } as never);
    });
    const elsewhere = await serveProcess(t, { GODWIT_MONGO_URL: mongo.url() });
    const answer = await fetch(`http://127.0.0.1:${elsewhere.httpPort}/readyz`);
    assert.deepEqual([answer.status, /has not come to its end: run `godwit migrate` again/.test(await answer.text())], [503, true]);
    await shell.ok('migrate');
    assert.deepEqual(await counts(mongo), [1_100, 2, 3]);
  });

  test('refuses a folder in use, a database that is not empty or not there, and no address', { skip: noMongo }, async (t) => {
    const { mongo, shell, data } = await folder(t);
    const refusal = async (other: Shell, expected: RegExp, code = 1): Promise<void> => {
      const outcome = await other.run(['migrate']);
      assert.match(outcome.stderr, expected);
      assert.equal(outcome.code, code);
      assert.equal(outcome.stderr.trim().split('\n').length, 1, outcome.stderr);
    };
    const server = await serveProcess(t, {}, data);
    await refusal(shell, /in use by another process/);
    await server.signal('SIGTERM');
    await refusal(shell.with({ GODWIT_MONGO_URL: '' }), /set GODWIT_MONGO_URL/, 2);
    await refusal(shell.with({ GODWIT_DATA: './nothing' }), /there is no data folder/);
    await mongo.ask((db) => db.collection('users').insertOne({ _id: 'somebody', createdAtMs: 1 } as never));
    await refusal(shell, /nothing was moved into this database: it is not empty/);
    assert.deepEqual(await counts(mongo), [1, 0, 0]);
    await mongo.kill();
    await refusal(shell, /MongoDB is away: .*ECONNREFUSED/);
    await serveProcess(t, {}, data);
  });
});
