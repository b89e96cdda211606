import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memberReceipts, receiptLines, type Asked } from '../../broker/cli/chat/receipts.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import type { Scope } from '../support/folder.js';
import { until } from '../support/recorder.js';
import { backwards, Seat } from './chat-seat.js';

/** Resolves when the server knows that this user has the place, or has read it. */
const reached = (server: TestServer, user: string, conversation: string, what: 'delivered' | 'read', seq: bigint): Promise<void> =>
  until(`${user} ${what} ${seq}`, async () => (await server.godwit.storage.cursors.user(user, conversation))[what] >= seq);

/** A group of five, of whom dave and erin are away. */
async function five(t: Scope): Promise<{ server: TestServer; alice: Seat; bob: Seat; away: Seat[] }> {
  const server = await startGodwit(t);
  const [bob, carol, dave, erin] = await Promise.all(['bob', 'carol', 'dave', 'erin'].map((user) => Seat.take(t, server, user)));
  await Promise.all([dave, erin].map(({ client }) => client.background({ close: true })));
  const alice = await Seat.take(t, server, 'alice', { size: { rows: 40 } });
  alice.keys('escape');
  alice.say('/group Birds bob carol dave erin');
  await alice.shows(/alice made the group Birds/);
  await carol.shows(/Birds/);
  return { server, alice, bob, away: [dave, erin] };
}

const groupOf = (seat: Seat): string => seat.chat.talk!.conversation;

describe('/info', { concurrency: true }, () => {
  test('says of the last own message who has it and who read it, with times; the ticks follow the last of them', async (context) => {
    const t = backwards(context);
    const { server, alice, bob, away: [dave, erin] } = await five(t);
    alice.say('hello all');
    await alice.shows(/ ✓ {2}alice {2,}hello all$/m);
    for (const user of ['bob', 'carol']) await reached(server, user, groupOf(alice), 'delivered', 2n);
    bob.keys('enter');
    await reached(server, 'bob', groupOf(alice), 'read', 2n);
    alice.say('/info');
    await alice.shows(
      new RegExp(
        [
          /^ Birds\n\n/,
          / you, \d\d:\d\d: hello all\n/,
          / 2 of 4 have it, 1 has read it\n/,
          / bob {4}has it since \d\d:\d\d, read it \d\d:\d\d\n/,
          / carol {2}has it since \d\d:\d\d\n/,
          / dave {3}does not have it yet\n/,
          / erin {3}does not have it yet\n\n/,
          / alice, its creator\n bob\n carol\n dave\n erin\n\n you are alice\n/,
        ].map(({ source }) => source).join(''),
        'm',
      ),
    );
    alice.keys('escape');
    dave.client.foreground();
    await reached(server, 'dave', groupOf(alice), 'delivered', 2n);
    alice.say('/info');
    await alice.shows(/ 3 of 4 have it, 1 has read it\n[^]* dave {3}has it since \d\d:\d\d\n erin {3}does not have it yet\n/);
    alice.keys('escape');
    assert.match(alice.screen, / ✓ {2}alice {2,}hello all$/m, 'not before the last of them has it');
    erin.client.foreground();
    await alice.shows(/ ✓✓ alice {2,}hello all$/m);
  });

  test('of a chosen message, by i or by a command that is begun there; Esc leads back to it', async (context) => {
    const t = backwards(context);
    const { alice } = await five(t);
    alice.say('first');
    alice.say('second');
    await alice.shows(/ ✓ {2}alice {2,}second$/m);
    alice.keys('up', 'up');
    await alice.shows(/^▌.*first$[^]*d delete {2}i info/m);
    alice.type('i');
    await alice.shows(/^ Who has it\n\n you, \d\d:\d\d: first\n [012] of 4/m);
    alice.keys('escape');
    await alice.shows(/^▌.*first$/m);
    alice.type('/');
    await alice.shows(/^ about: first$[^]*^ > \/$/m);
    alice.say('info');
    await alice.shows(/^ Who has it\n\n you, \d\d:\d\d: first\n [012] of 4/m);
    alice.keys('escape', 'up', 'up');
    await alice.shows(/^▌.*alice made the group/m);
    alice.type('/info');
    alice.keys('enter');
    await alice.shows(/^ Birds\n\n you, \d\d:\d\d: second\n/m);
    // Chosen once, asked about once.
    alice.keys('escape', 'escape');
    alice.say('/info');
    await alice.shows(/^ Birds\n\n you, \d\d:\d\d: second\n/m);
  });

  test('between two, of a note to self, of nothing, of what waits and of what was refused', async (context) => {
    const t = backwards(context);
    const server = await startGodwit(t);
    const bob = await Seat.take(t, server, 'bob', { other: 'alice' });
    const alice = await Seat.take(t, server, 'alice', { other: 'bob', size: { coloured: false } });
    alice.say('/info');
    await alice.shows(/^ bob\n\n you have written nothing here lately\n\n you are alice\n/m);
    alice.keys('escape');
    alice.say('hello');
    await reached(server, 'bob', 'd:alice:bob', 'read', 1n);
    bob.say('hello yourself');
    await alice.shows(/ ✔✔ alice {2}hello$[^]*hello yourself/m);
    alice.say('/info');
    await alice.shows(/^ bob\n\n you, \d\d:\d\d: hello\n bob {2}has it since \d\d:\d\d, read it \d\d:\d\d\n\n you are alice\n/m);

    // Of what someone else wrote, too, and of what nobody wrote.
    alice.keys('escape', 'up');
    await alice.shows(/^▌.*hello yourself$/m);
    alice.type('/info');
    alice.keys('enter');
    await alice.shows(/^ Who has it\n\n bob, \d\d:\d\d: hello yourself\n nobody but you is given it\n/m);

    await alice.chat.open('d:alice:alice');
    alice.say('remember the milk');
    await alice.shows(/ ✓ {2}alice {2}remember/);
    alice.say('/info');
    await alice.shows(/^ note to self\n\n you, \d\d:\d\d: remember the milk\n the server has it; a note to self has no receipts\n/m);

    await alice.chat.open('d:alice:nobody');
    alice.say('are you there?');
    await alice.shows(/not sent: /);
    alice.say('/info');
    await alice.shows(/^ nobody\n\n are you there\? was not sent: .*no such user/m);

    await alice.client.background({ close: true });
    await alice.chat.open('d:alice:bob');
    alice.say('/info');
    await alice.shows(/^ you, \d\d:\d\d: hello\n offline: the server cannot be asked who has it; everyone\n else has read it\n/m);
    alice.keys('escape');
    alice.say('later');
    alice.say('/info');
    await alice.shows(/^ later waits here: it goes out when there is a\n? connection\n/m);
  });

  test('in a group that one has left, and offline, it says what it cannot say', async (context) => {
    const t = backwards(context);
    const { alice } = await five(t);
    alice.say('hello all');
    await alice.shows(/ ✓ {2}alice {2,}hello all$/m);
    await alice.client.background({ close: true });
    alice.say('/info');
    await alice.shows(/ offline: the server cannot be asked who has it; as far as\n is known here, not everyone has it\n\n offline: the server cannot be asked who is in the group\n/);
    alice.client.foreground();
    alice.keys('escape');
    await alice.shows(/connected$/m);
    alice.say('/leave');
    await alice.shows(/alice left/);
    alice.say('/info');
    await alice.shows(/ you, \d\d:\d\d: hello all\n[^]* who is in the group is not known: there is no such group/);
  });

  test('what others have written into it does not steer the terminal', async (context) => {
    const t = backwards(context);
    const { alice } = await five(t);
    const [, group] = groupOf(alice).split(':');
    await alice.client.call('groups.update', { group, name: 'Bi\u001b[2Jrds', description: 'about\u0007 birds' });
    await alice.shows(/called/);
    alice.say('/info');
    const screen = await alice.shows(/ Bi\ufffd\[2Jrds\n[^]*about\ufffd birds/);
    assert.doesNotMatch(screen, /[\u0000-\u0009\u000b-\u001f]/);
  });
});

describe('who has a message, in words', () => {
  const at = (hours: number, minutes: number, daysAgo = 0): number => new Date(2026, 10, 26 - daysAgo, hours, minutes).getTime();
  const nowMs = at(18, 0);

  test('readers come first, as they read; then who has it; then who has not', () => {
    const members = [
      { user: 'erin', hasAtMs: 0, readAtMs: 0 },
      { user: 'zoe', hasAtMs: 0, readAtMs: 0 },
      { user: 'dave', hasAtMs: at(9, 5), readAtMs: 0 },
      { user: 'carol', hasAtMs: at(23, 59, 1), readAtMs: at(10, 0) },
      { user: 'bob', hasAtMs: at(8, 0, 6), readAtMs: at(8, 1, 6) },
    ];
    assert.deepEqual(memberReceipts(members, nowMs), [
      '3 of 5 have it, 2 have read it',
      'bob    has it since 2026-11-20 08:00, read it 2026-11-20 08:01',
      'carol  has it since yesterday 23:59, read it 10:00',
      'dave   has it since 09:05',
      'erin   does not have it yet',
      'zoe    does not have it yet',
    ]);
  });

  test('reading may be told alone', () => {
    assert.deepEqual(memberReceipts([{ user: 'bob', hasAtMs: 0, readAtMs: at(9, 0) }], nowMs), ['bob  read it 09:00']);
    assert.deepEqual(memberReceipts([{ user: 'bob', hasAtMs: 0, readAtMs: at(9, 0) }, { user: 'carol', hasAtMs: 0, readAtMs: 0 }], nowMs)[0], '1 of 2 has it, 1 has read it');
  });

  test('a server that does not answer is told of', async () => {
    const client = { user: 'alice', connection: 'connected', serverTimeMs: () => nowMs, call: () => Promise.reject(new Error('receipts.get: no answer in 10000 ms')) } as unknown as Asked;
    const message = { type: 'message', conversation: 'd:alice:bob', seq: 1, from: 'alice', own: true, sentAtMs: nowMs, tick: 'sent', text: 'hi', content: { kind: 'text', text: 'hi' } } as Parameters<typeof receiptLines>[1];
    assert.deepEqual(await receiptLines(client, message), ['you, 18:00: hi', 'who has it is not known: receipts.get: no answer in 10000 ms']);
  });
});
