import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code } from 'godwit-schemas';
import { Device } from '../support/device.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { done, group, people, refused, say } from '../support/groups.js';
import { until } from '../support/recorder.js';

const MINUTE_MS = 60_000;

/** Who has a place and has read it, in whole minutes since `startMs`; - = not yet. */
async function receipts(device: Device, conversation: string, seq: number | bigint, startMs: number): Promise<string[]> {
  const { members } = await done(device, 'receipts.get', { conversation, seq: BigInt(seq) });
  const since = (atMs: bigint): string => (atMs === 0n ? '-' : `${Math.floor((Number(atMs) - startMs) / MINUTE_MS)}`);
  return members.map(({ user, deliveredAtMs, readAtMs }) => `${user} ${since(deliveredAtMs)} ${since(readAtMs)}`).sort();
}

/** Resolves when the server knows that this user has the place. */
const had = (server: TestServer, user: string, conversation: string, seq: bigint): Promise<void> =>
  until(`${user} has ${seq}`, async () => (await server.godwit.storage.cursors.user(user, conversation)).delivered >= seq);

describe('who has a message', () => {
  test('is told for each place, with its time, also after a restart', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    const conversation = 'd:alice:bob';
    const startMs = server.now();
    server.clock.advance(MINUTE_MS);
    await alice.send('bob', 'one');
    await bob.message('one');
    await had(server, 'bob', conversation, 1n);
    assert.deepEqual(await receipts(alice, conversation, 1, startMs), ['bob 1 -']);
    server.clock.advance(MINUTE_MS);
    await bob.read(conversation, 1);
    await bob.leave();
    server.clock.advance(MINUTE_MS);
    await alice.send('bob', 'two');
    assert.deepEqual(await receipts(alice, conversation, 1, startMs), ['bob 1 2']);
    assert.deepEqual(await receipts(alice, conversation, 2, startMs), ['bob - -']);
    server.clock.advance(MINUTE_MS);
    const back = await Device.connect(t, server, 'bob:phone');
    await back.message('two');
    await had(server, 'bob', conversation, 2n);
    server.clock.advance(MINUTE_MS);
    await back.read(conversation, 2);
    await server.restart();
    const again = await Device.connect(t, server, 'alice:phone');
    assert.deepEqual(await receipts(again, conversation, 1, startMs), ['bob 1 2']);
    assert.deepEqual(await receipts(again, conversation, 2, startMs), ['bob 4 5']);
    const { members } = await done(await Device.connect(t, server, 'bob:tablet'), 'receipts.get', { conversation, seq: 2n });
    assert.deepEqual(members.map(({ user }) => user), ['alice'], 'anyone in it may ask');
  });

  test('in a group: each other member who is given it', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol, dave] = await people(t, server, 'alice', 'bob', 'carol', 'dave');
    const startMs = server.now();
    await group([alice, bob, carol], 'birds');
    await Promise.all([bob, carol].map((device) => device.settled()));
    await carol.leave();
    server.clock.advance(MINUTE_MS);
    const { seq } = await say(alice, 'birds', 'hello');
    await bob.message('hello');
    await had(server, 'bob', 'g:birds', seq);
    server.clock.advance(MINUTE_MS);
    await bob.read('g:birds', seq);
    assert.deepEqual(await receipts(alice, 'g:birds', seq, startMs), ['bob 1 2', 'carol - -']);
    assert.deepEqual((await receipts(bob, 'g:birds', seq, startMs)).filter((line) => !line.startsWith('alice')), ['carol - -']);
    await done(alice, 'groups.add', { group: 'birds', users: ['dave'] });
    const later = await say(alice, 'birds', 'and dave');
    await dave.message('and dave');
    await had(server, 'dave', 'g:birds', later.seq);
    assert.deepEqual(await receipts(alice, 'g:birds', seq, startMs), ['bob 1 2', 'carol - -'], 'dave came later, and is not given it');
    await done(alice, 'groups.remove', { group: 'birds', users: ['carol'] });
    assert.deepEqual(await receipts(alice, 'g:birds', seq, startMs), ['bob 1 2'], 'carol is gone');
  });

  test('is told of no place that is not one\'s own', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol, eve] = await people(t, server, 'alice', 'bob', 'carol', 'eve');
    await group([alice, bob], 'birds');
    await say(alice, 'birds', 'before'); // 2
    await done(alice, 'groups.add', { group: 'birds', users: ['carol'] }); // 3
    await done(alice, 'groups.remove', { group: 'birds', users: ['carol'] }); // 4
    await say(alice, 'birds', 'after'); // 5
    const conversation = 'g:birds';
    for (const seq of [0n, 1n, 2n, 5n, 6n, 2n ** 60n]) await refused(carol, 'receipts.get', { conversation, seq }, Code.NOT_ALLOWED);
    for (const seq of [3n, 4n]) assert.equal((await done(carol, 'receipts.get', { conversation, seq })).members.length, 2);
    for (const seq of [0n, 6n]) await refused(alice, 'receipts.get', { conversation, seq }, Code.NOT_ALLOWED);
    for (const name of [conversation, 'g:nothing', 'd:alice:bob', 'u:alice']) await refused(eve, 'receipts.get', { conversation: name, seq: 1n }, Code.UNKNOWN_CONVERSATION);
    await refused(eve, 'receipts.get', { conversation: 'birds', seq: 1n }, Code.MALFORMED);
    await alice.send('alice', 'a note');
    assert.deepEqual((await done(alice, 'receipts.get', { conversation: 'd:alice:alice', seq: 1n })).members, []);
  });
});
