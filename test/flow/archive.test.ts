import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, Reason } from 'godwit-schemas';
import type { ArchivableLog } from '../../broker/ports/archive.js';
import { unavailable } from '../../broker/ports/availability.js';
import type { Storage } from '../../broker/ports/storage.js';
import { bodyOf, checkPlaces, gapOf } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import type { Scope } from '../support/folder.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { done, group, people, say, story } from '../support/groups.js';
import { pages, told } from '../support/history.js';
import { httpCall } from '../support/http.js';
import { MemoryArchive } from '../support/memory-archive.js';
import { Moving } from '../support/moving.js';
import { until } from '../support/recorder.js';

/** A server whose messages all move to an archive, as soon as they lie in LMDB. */
async function start(t: Scope): Promise<{ server: TestServer; archive: MemoryArchive }> {
  const archive = new MemoryArchive();
  const wrapStorage = (storage: Storage): Storage => {
    const moving = new Moving(storage.log as ArchivableLog, archive);
    return {
      ...storage,
      log: moving.log,
      async close() {
        await moving.end();
        await storage.close();
      },
    };
  };
  return { server: await startGodwit(t, { wrapStorage }), archive };
}

const moved = (archive: MemoryArchive, conversation: string): number => archive.kept.get(conversation)?.size ?? 0;
const allMoved = (archive: MemoryArchive, conversation: string, count: number): Promise<void> => until(`${count} of ${conversation} have moved`, () => moved(archive, conversation) === count);

describe('while all messages move to an archive', () => {
  test('a group of which some are away has every message once, in order; so have its pages, whenever they are read', async (t) => {
    const { server, archive } = await start(t);
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', 'carol');
    await group([alice, bob, carol], 'birds');
    await carol.leave();
    let going = true;
    const reading = (async () => {
      for (let rounds = 0; going || rounds < 3; rounds++) {
        const lines = told(await pages(bob, 'g:birds', 50, rounds % 2 ? 'back' : 'on'));
        assert.deepEqual(lines.map((line) => Number(line.split(' ')[0])), lines.map((_, i) => i + 1), 'no gap, no repeat');
        // So many calls a minute are allowed.
        server.clock.advance(10_000);
      }
    })();
    await Promise.all([alice, bob].map(async (device) => {
      for (let i = 1; i <= 150; i++) await say(device, 'birds', `${device.user} ${i}`);
    }));
    going = false;
    await reading;
    await allMoved(archive, 'g:birds', 301);

    for (const restarts of [false, true]) {
      if (restarts) await server.restart();
      const back = await Device.connect(t, server, restarts ? 'carol:phone' : 'carol:tablet');
      const lines = await pages(back, 'g:birds', 200, 'back');
      assert.equal(lines.length, 301);
      if (!restarts) continue;
      await back.messages(300);
      checkPlaces(back.got('msg'));
      for (const user of ['alice', 'bob']) assert.deepEqual(story(back, 'birds').filter((line) => line.startsWith(user)), Array.from({ length: 150 }, (_, i) => `${user} ${i + 1}`));
    }
    const { members } = await done(await Device.connect(t, server, 'alice:phone'), 'receipts.get', { conversation: 'g:birds', seq: 7n });
    assert.deepEqual(members.map(({ user }) => user).sort(), ['bob', 'carol']);
  });

  test('what is erased is gone from log and archive, and everyone is told', async (t) => {
    const { server, archive } = await start(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    for (let i = 1; i <= 5; i++) await alice.send('bob', `message ${i}`);
    await allMoved(archive, 'd:alice:bob', 5);
    await done(alice, 'messages.erase', { conversation: 'd:alice:bob', seq: 3n });
    const { value } = await bob.next('msg', 'that it was erased', (it) => it.value.event?.kind.case === 'erased');
    assert.equal(value.event?.kind.case === 'erased' && value.event.kind.value.seq, 3n);
    assert.ok(!archive.kept.get('d:alice:bob')!.has(3));
    assert.deepEqual(told(await pages(bob, 'd:alice:bob', 50, 'on')).slice(0, 5), ['1 message 1', '2 message 2', '3-3 ERASED', '4 message 4', '5 message 5']);
    const { conversations } = await done(bob, 'conversations.list', {});
    assert.deepEqual(conversations.map(({ last }) => last?.seq), [5n]);
  });

  test('what has expired, and what the archive has lost, is told as a gap', async (t) => {
    const { server, archive } = await start(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await bob.leave();
    await alice.send('bob', 'kept');
    await alice.send('bob', 'short', { expiresInS: 60 });
    await alice.send('bob', 'lost');
    await allMoved(archive, 'd:alice:bob', 3);
    archive.kept.get('d:alice:bob')!.delete(3);
    server.clock.advance(61_000);
    const back = await Device.connect(t, server, 'bob:phone');
    await until('all three are told', () => back.got('msg').length === 3);
    const [first, ...gaps] = back.got('msg');
    assert.equal(bodyOf(first), 'kept');
    assert.deepEqual(gaps.map((it) => gapOf(it)).map((gap) => gap && [gap.from, gap.to, gap.reason]), [[2n, 2n, Reason.EXPIRED], [3n, 3n, Reason.LOST]]);
  });

  test('an account that is removed leaves nothing of its own in the archive', async (t) => {
    const { server, archive } = await start(t);
    const [alice] = await people(t, server, 'alice', 'bob');
    await alice.send('alice', 'note to self');
    await allMoved(archive, 'd:alice:alice', 1);
    assert.equal((await httpCall(server, 'alice', 'account.delete', { user: 'alice' })).status, 200);
    assert.deepEqual(['d:alice:alice', 'u:alice'].map((conversation) => moved(archive, conversation)), [0, 0]);
  });
});

describe('an archive that is away', () => {
  test('holds up only what lies in it: that comes when it is back, in order', async (t) => {
    const { server, archive } = await start(t);
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', 'carol');
    await bob.leave();
    for (let i = 1; i <= 5; i++) await alice.send('bob', `message ${i}`);
    await allMoved(archive, 'd:alice:bob', 5);
    archive.before = () => { throw unavailable('the archive is away'); };
    const back = await Device.connect(t, server, 'bob:phone');
    await carol.send('bob', 'hello');
    await back.message('hello');
    assert.equal((await alice.send('bob', 'message 6')).code, Code.OK);
    const refusal = await httpCall(server, 'bob', 'history.list', { conversation: 'd:alice:bob' });
    assert.deepEqual([refusal.status, refusal.error?.code], [503, Code.UNAVAILABLE]);
    assert.deepEqual(back.bodies, ['hello']);
    archive.before = () => undefined;
    await back.messages(7);
    assert.deepEqual(back.bodies.slice(1), Array.from({ length: 6 }, (_, i) => `message ${i + 1}`));
    checkPlaces(back.got('msg'));
  });
});
