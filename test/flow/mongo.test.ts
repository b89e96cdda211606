import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Code, create, GroupChangeKind, GroupChangeSchema, GroupPermission, GroupRole, isRetry, limits } from 'godwit-schemas';
import { pino } from 'pino';
import { openMongo } from '../../plugins/store-mongo/index.js';
import { checkPlaces, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { changeOf, done, group, people, say, story } from '../support/groups.js';
import { pages, told } from '../support/history.js';
import { httpCall } from '../support/http.js';
import { MongoServer, noMongo } from '../support/mongo.js';
import { until } from '../support/recorder.js';

const AWAY = /^MongoDB is away/;

async function readiness({ httpPort }: TestServer): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
  return { status: answer.status, text: await answer.text() };
}

/** Once MongoDB is there, it is asked again within a second or so: longer than `until` waits only on a machine that stands still. */
async function ready(server: TestServer): Promise<void> {
  await until('the server is ready', async () => (await readiness(server)).status === 200);
}

async function both(t: TestContext): Promise<{ mongo: MongoServer; server: TestServer }> {
  const mongo = await MongoServer.start(t);
  return { mongo, server: await startGodwit(t, { env: { GODWIT_MONGO_URL: mongo.url() } }) };
}

describe('on MongoDB', () => {
  test('groups and one-to-one messages work as they do without, and outlive the server', { skip: noMongo }, async (t) => {
    const { mongo, server } = await both(t);
    assert.deepEqual(await readiness(server), { status: 200, text: 'ready\n' });
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', '__proto__');
    await group([alice, bob, carol], 'birds');
    await say(alice, 'birds', 'one');
    assert.equal((await alice.send('bob', 'hello')).code, Code.OK);
    assert.equal((await alice.send('nobody', 'hello')).code, Code.UNKNOWN_USER);
    await bob.message('hello');
    await carol.message('one');
    await done(alice, 'groups.remove', { group: 'birds', users: ['__proto__'] });
    const [record, users, devices] = await mongo.ask(async (db) => [
      await db.collection<{ _id: string; revision: number; members: { user: string }[] }>('groups').findOne({ _id: 'birds' }),
      await db.collection('users').countDocuments(),
      await db.collection('devices').countDocuments({ filters: ['u/bob/#', 1] }),
    ] as const);
    assert.deepEqual([record?.revision, record?.members.map(({ user }) => user), users, devices], [2, ['alice', 'bob'], 3, 1]);
    const callId = newId();
    const invited = (await alice.call('groups.invite', { group: 'birds' }, callId)).value!;
    await server.restart();
    const back = await Device.connect(t, server, 'bob:phone');
    assert.ok(back.sessionPresent, 'its filters are known');
    assert.deepEqual((await (await Device.connect(t, server, 'alice:phone')).call('groups.invite', { group: 'birds' }, callId)).value, invited, 'made once');
    assert.deepEqual((await done(back, 'groups.list', {})).groups.map(({ group: id }) => id), ['birds']);
    await say(back, 'birds', 'two');
  });

  test('lost under load: calls are refused as worth a retry, messages go on; when it is back nothing is half done', { skip: noMongo }, async (t) => {
    const { mongo, server } = await both(t);
    const [alice, bob, dave] = await people(t, server, 'alice', 'bob', 'dave');
    await group([alice, bob], 'birds');
    let [changed, away, stopping] = [0, 0, false];
    /** Changes the group and adds users again and again; what is refused for now is asked for until it is done. */
    const work = async (worker: number): Promise<number> => {
      let round = 0;
      const insist = async (ask: () => Promise<Code>): Promise<void> => {
        for (let code = await ask(); code !== Code.OK; code = await ask()) {
          assert.equal(code, Code.UNAVAILABLE);
          assert.ok(isRetry(code));
          away++;
          await pause(50);
        }
        changed++;
      };
      for (; !stopping; round++) {
        await insist(async () => (await httpCall(server, 'bob', 'groups.update', { group: 'birds', name: `${worker} ${round}` })).error?.code ?? Code.OK);
        await insist(async () => (await httpCall(server, `root-${worker}`, 'admin.users.add', { user: `u-${worker}-${round}` }, { admin: true })).error?.code ?? Code.OK);
      }
      return round;
    };
    const working = [0, 1, 2].map(work);
    const all = Promise.all(working);
    const soon = (what: string, holds: () => boolean | Promise<boolean>): Promise<unknown> => Promise.race([until(what, holds), all]);
    await soon('some changes are done', () => changed >= 20);
    await mongo.kill();
    await soon('calls are refused', () => away >= 10);
    await soon('it is not ready', async () => AWAY.test((await readiness(server)).text) && (await readiness(server)).status === 503);
    assert.equal((await alice.send('carol', 'x')).code, Code.UNAVAILABLE);
    await assert.rejects(Device.connect(t, server, 'bob:tablet'), /Server unavailable/);
    // A subscription that cannot be kept is not granted: the device comes again.
    dave.client.subscribe('presence/bob');
    await dave.closed;
    await mongo.start();
    const before = changed;
    await soon('changes are done again', () => changed >= before + 20);
    stopping = true;
    const rounds = await all;

    await ready(server);
    await Device.connect(t, server, 'bob:tablet');
    const again = await Device.connect(t, server, 'dave:phone', { filters: [] });
    assert.ok(again.sessionPresent);
    await until('no intent is left', () => mongo.ask(async (db) => (await db.collection('groups').countDocuments({ intent: { $exists: true } })) === 0));
    await Promise.all([alice, bob].map((device) => device.settled()));
    const { revision } = (await done(alice, 'groups.get', { group: 'birds' })).group!;
    for (const device of [alice, bob]) {
      const revisions = device.got('msg').map((it) => changeOf(it)?.revision).filter((it) => it !== undefined);
      assert.deepEqual(revisions, Array.from({ length: Number(revision) }, (_, i) => BigInt(i + 1)), 'every change once, in order');
      checkPlaces(device.got('msg'));
    }
    const added = await mongo.ask(async (db) => db.collection('users').countDocuments({ _id: /^u-/ } as never));
    assert.equal(added, rounds.reduce((sum, round) => sum + round, 0));
  });

  test('started before MongoDB: it waits, says so once a minute, and carries out what was left there', { skip: noMongo }, async (t) => {
    const mongo = await MongoServer.start(t);
    const left = await openMongo({ url: mongo.url(), folder: 'another', log: pino({ level: 'silent' }), now: Date.now });
    const change = create(GroupChangeSchema, { revision: 1n, kind: GroupChangeKind.CREATED, by: 'alice', users: ['alice'] });
    const members = new Map([['alice', { role: GroupRole.CREATOR, joinedAtMs: 1 }]]);
    await left.groups.put({
      ...{ group: 'left', revision: 1, name: 'Left', description: '', picture: '', createdAtMs: 1, members, invitations: [] },
      ...{ maySend: GroupPermission.EVERYONE, mayEdit: GroupPermission.EVERYONE, mayAdd: GroupPermission.EVERYONE },
      intent: { atMs: 1, change, membership: { joined: ['alice'], left: [] } },
    });
    await left.close();
    await mongo.ask((db) => db.collection('folder').deleteMany({}));
    await mongo.kill();

    const server = await startGodwit(t, { env: { GODWIT_MONGO_URL: mongo.url() } });
    const { status, text } = await readiness(server);
    assert.equal(status, 503);
    assert.match(text, /^MongoDB is away: .*ECONNREFUSED/);
    assert.equal((await fetch(`http://127.0.0.1:${server.httpPort}/healthz`)).status, 200);
    await assert.rejects(Device.connect(t, server, 'alice:phone'), /Server unavailable/);
    const { error, status: answered } = await httpCall(server, 'alice', 'groups.list', {});
    assert.deepEqual([error?.code, answered], [Code.UNAVAILABLE, 503]);
    const lines = (): number => server.logged.all.filter(({ msg }) => AWAY.test(msg)).length;
    assert.equal(lines(), 1);
    server.clock.advance(60_000);
    await server.logged.waitMany('a line a minute', 2, ({ msg }) => AWAY.test(msg));
    assert.equal(lines(), 2);
    await mongo.start();
    await ready(server);
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.next('msg', 'the change that was left', ({ value }) => value.conversation === 'g:left');
    assert.deepEqual(story(alice, 'left'), ['CREATED alice']);
    const unique = await mongo.ask((db) => db.collection('devices').indexExists('user_1_device_1'));
    assert.ok(unique);
  });

  test('one that takes connections and does not answer counts as away after mongoWaitMs', { skip: noMongo }, async (t) => {
    const { mongo, server } = await both(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await alice.send('bob', 'before');
    // With its first message a device is given packet ids, in its record.
    await bob.message('before');
    assert.ok(limits.mongoWaitMs.value > 0);
    await mongo.freeze();
    const { error } = await httpCall(server, 'alice', 'groups.create', { group: 'birds', settings: { name: 'Birds' } });
    assert.equal(error?.code, Code.UNAVAILABLE);
    await until('it is not ready', async () => (await readiness(server)).status === 503);
    assert.equal((await alice.send('bob', 'meanwhile')).code, Code.OK, 'a route that is known needs no directory');
    await bob.message('meanwhile');
    mongo.thaw();
    await ready(server);
    await until('it answers again', async () => (await httpCall(server, 'alice', 'groups.create', { group: 'birds', settings: { name: 'Birds' } })).error === undefined);
    assert.equal((await done(alice, 'groups.list', {})).groups.length, 1);
  });

  test('old messages move there and are read from there; lost, it holds up nothing but them', { skip: noMongo }, async (t) => {
    const mongo = await MongoServer.start(t);
    const server = await startGodwit(t, { env: { GODWIT_MONGO_URL: mongo.url(), GODWIT_ARCHIVE_KEEP: '60' } });
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await bob.leave();
    for (let i = 1; i <= 120; i++) await alice.send('bob', `message ${i}`);
    await server.restart();
    const messages = (): Promise<number> => mongo.ask((db) => db.collection('messages').countDocuments({ conversation: 'd:alice:bob' }));
    await until('all but 60 have moved', async () => (await messages()) === 60);
    const back = await Device.connect(t, server, 'bob:phone');
    const all = Array.from({ length: 120 }, (_, i) => `${i + 1} message ${i + 1}`);
    assert.deepEqual(told(await pages(back, 'd:alice:bob', 50, 'back')), all);
    await back.messages(120);
    checkPlaces(back.got('msg'));
    const author = await Device.connect(t, server, 'alice:phone');
    await done(author, 'messages.erase', { conversation: 'd:alice:bob', seq: 7n });
    assert.equal(await messages(), 59);
    assert.equal(told(await pages(back, 'd:alice:bob', 200, 'on'))[6], '7-7 ERASED');
    const { indexes } = await mongo.ask(async (db) => ({ indexes: await db.collection('messages').indexes() }));
    assert.ok(indexes.some(({ key, unique }) => unique && JSON.stringify(key) === '{"conversation":1,"seq":1}'));

    await mongo.kill();
    const page = (before: bigint): ReturnType<typeof httpCall<'history.list'>> => httpCall(server, 'bob', 'history.list', { conversation: 'd:alice:bob', before, limit: 10 });
    const [recent, old] = [await page(120n), await page(20n)];
    assert.deepEqual([recent.status, old.status, old.error?.code], [200, 503, Code.UNAVAILABLE]);
    await mongo.start();
    await until('it answers again', async () => (await page(20n)).status === 200);
  });

  test('the database of another data folder is not touched', { skip: noMongo }, async (t) => {
    const { mongo, server } = await both(t);
    await server.stop();
    const other = await startGodwit(t, { env: { GODWIT_MONGO_URL: mongo.url() } });
    const { status, text } = await readiness(other);
    assert.equal(status, 503);
    assert.match(text, /this database belongs to another data folder/);
    await server.start();
    assert.equal((await readiness(server)).status, 200);
  });
});
