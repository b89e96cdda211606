import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, GroupChangeKind, GroupChangeSchema, GroupRole } from 'godwit-schemas';
import { groupWords } from '../../broker/cli/chat/group-words.js';
import { startGodwit } from '../support/godwit.js';
import { backwards, Seat } from './chat-seat.js';

describe('the chat in groups', { concurrency: true }, () => {
  test('one is made, written in, and seen by its name; ticks when all others have it', async (context) => {
    const t = backwards(context);
    const server = await startGodwit(t);
    const bob = await Seat.take(t, server, 'bob');
    const carol = await Seat.take(t, server, 'carol');
    await carol.client.background({ close: true });
    const alice = await Seat.take(t, server, 'alice', { size: { columns: 100 } });
    alice.keys('escape');
    alice.say('/group "Rare birds" bob carol');
    await alice.shows(/│ Rare birds +connected$/m);
    await alice.shows(/- alice made the group Rare birds with bob and carol/);
    alice.say('hello all');
    await alice.shows(/ ✓ {2}alice {2,}hello all$/m);
    await bob.shows(/^▌Rare birds +\d\d:\d\d *\n▌alice: hello all +1$/m);
    bob.keys('enter');
    await bob.shows(/- alice made the group Rare birds[^]*alice {2,}hello all/);
    bob.type('he');
    await alice.shows(/Rare birds: bob is typing…/);
    bob.type('y');
    bob.keys('enter');
    await alice.shows(/bob {2,}hey$/m);
    carol.client.foreground();
    await alice.shows(/ ✓✓ alice {2,}hello all$/m);
    await carol.shows(/^▌Rare birds[^]*bob: hey +2$/m);
  });

  test('members come and go, in words; /info says who is in it', async (context) => {
    const t = backwards(context);
    const server = await startGodwit(t);
    await Seat.take(t, server, 'dave');
    const bob = await Seat.take(t, server, 'bob');
    const alice = await Seat.take(t, server, 'alice', { size: { columns: 100, rows: 30 } });
    alice.keys('escape');
    alice.say('/group Birds bob');
    await alice.shows(/alice made the group Birds with bob/);
    alice.say('/add dave');
    await alice.shows(/- alice added dave/);
    alice.say('/add dave');
    await alice.shows(/it is so already/);
    alice.say('/admin bob');
    await alice.shows(/- alice made bob admin/);
    alice.say('/info');
    await alice.shows(/ Birds\n[^]*alice, its creator\n[^]*bob, admin\n[^]*dave\n/);
    alice.keys('escape');
    alice.say('/remove dave');
    await alice.shows(/- alice removed dave/);
    alice.say('/leave');
    await alice.shows(/- alice left; bob takes over/);
    alice.say('am I here?');
    await alice.shows(/not sent: there is no such group of yours/);
    bob.keys('enter');
    await bob.shows(/- alice left; bob takes over/);
  });

  test('what is asked in the wrong place, or is not there, is said', async (context) => {
    const t = backwards(context);
    const server = await startGodwit(t);
    const alice = await Seat.take(t, server, 'alice', { other: 'alice' });
    alice.say('/add bob');
    await alice.shows(/no group is open: \/group makes one/);
    alice.say('/group Birds');
    await alice.shows(/\/group takes a name and who is in it/);
    alice.say('/group Birds nobody');
    await alice.shows(/there is no user nobody/);
  });
});

test('what happens in a group has words', () => {
  const words = (change: Parameters<typeof create<typeof GroupChangeSchema>>[1]): string => groupWords(create(GroupChangeSchema, { by: 'alice', ...change }));
  assert.equal(words({ kind: GroupChangeKind.LEFT, users: ['alice'] }), 'alice left');
  assert.equal(words({ kind: GroupChangeKind.JOINED, users: ['bob'] }), 'bob joined by an invitation');
  assert.equal(words({ kind: GroupChangeKind.UPDATED, settings: { name: 'Waders' } }), 'alice changed the group: it is called Waders');
  assert.equal(words({ kind: GroupChangeKind.ROLE_SET, users: ['bob'], role: GroupRole.CREATOR }), 'alice handed the group over to bob');
  assert.equal(words({ kind: GroupChangeKind.ROLE_SET, users: ['bob', 'carol'], role: GroupRole.MEMBER }), 'bob and carol are no admin any more');
  assert.equal(words({ kind: GroupChangeKind.ENDED }), 'alice ended the group');
  assert.equal(words({ kind: GroupChangeKind.ADDED, users: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] }), 'alice added a, b, c, d, e and 2 more');
  assert.equal(words({ kind: 99 as GroupChangeKind }), 'alice changed the group in a way that this version does not know');
});
