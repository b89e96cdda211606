import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Client, Message } from 'godwit-client';
import { startGodwit, type TestServer } from '../support/godwit.js';
import type { Scope } from '../support/folder.js';
import { until } from '../support/recorder.js';
import { backwards, device, Seat } from './chat-seat.js';

const wide = { columns: 90 };

/** alice at her list, and what bob and carol have written to her. */
async function listed(t: Scope): Promise<{ server: TestServer; alice: Seat; bob: Client; carol: Client }> {
  const server = await startGodwit(t);
  const [bob, carol] = [await device(t, server, 'bob'), await device(t, server, 'carol')];
  const alice = await Seat.take(t, server, 'alice', { size: wide });
  bob.send('alice', 'from bob');
  await alice.shows(/bob ●[^]*from bob +1/);
  carol.send('alice', 'from carol');
  await alice.shows(/carol ●[^]*from carol +1[^]*bob ●[^]*from bob +1/);
  return { server, alice, bob, carol };
}

describe('the list of conversations', { concurrency: true }, () => {
  test('pins, mutes and archives by keys, and by commands in the open conversation; the other device shows it', async (context) => {
    const t = backwards(context);
    const { server, alice } = await listed(t);
    const second = await Seat.take(t, server, 'alice', { size: wide });
    await second.shows(/▌carol ●[^]*bob ●/);
    alice.keys('down');
    await alice.shows(/▌bob[^]*m mute {2}p pin {2}a archive/);
    alice.type('p');
    await alice.shows(/▌bob ● 📌[^]* carol ●[^]*bob is pinned$/);
    await second.shows(/bob ● 📌[^]*carol ●/);
    alice.type('m');
    await alice.shows(/▌bob ● 📌 🔇[^]*bob is muted$/);
    await second.shows(/bob ● 📌 🔇/);
    alice.type('m');
    await alice.shows(/▌bob ● 📌 [^🔇]*\n[^]*bob is not muted any more$/);
    alice.type('a');
    await alice.shows(/^▌carol ●.*\n.*\n archived: 1 +1 │[^]*bob is archived, and stays so[^]*\/archived shows it$/m);
    await second.shows(/carol ●.*\n.*\n archived: 1 +1 │/);

    alice.keys('down', 'enter');
    await alice.shows(/^ alice, archived +│[^]*▌bob ● 📌[^]*p unpin {2}a unarchive/);
    alice.keys('enter');
    await alice.shows(/│ bob is online[^]*▌archived: 1 +│/);
    alice.keys('tab');
    await alice.shows(/▌archived: 1 +│[^]*↑↓ choose/);
    alice.keys('escape');
    alice.say('/mute 8h');
    await alice.shows(/bob is muted until (\d{4}-\d\d-\d\d )?\d\d:\d\d$/);
    alice.say('/info');
    await alice.shows(/│ pinned, muted until .*, archived *$/m);
    alice.keys('escape');
    alice.say('/unpin');
    await alice.shows(/bob is not pinned any more$/);
    alice.say('/mute off');
    alice.say('/unarchive');
    await alice.shows(/▌bob ● [^📌🔇]*│[^]*bob is not archived any more$/);
    await second.shows(/carol ●[^]*bob ● [^📌🔇]*│\n/);
    assert.doesNotMatch(second.screen, /archived/);
    alice.say('/mute soon');
    await alice.shows(/\/mute takes how long/);
  });

  test('what comes into an archived conversation leaves it archived; neither it nor what is muted is pointed out', async (context) => {
    const t = backwards(context);
    const { alice, bob, carol } = await listed(t);
    alice.keys('down');
    alice.type('a');
    await alice.shows(/archived: 1 +1/);
    alice.type('m');
    await alice.shows(/carol ● 🔇/);
    bob.send('alice', 'and more');
    await alice.shows(/archived: 1 +2/);
    carol.send('alice', 'psst');
    await alice.shows(/carol ● 🔇.*\n.psst +2 /);
    assert.doesNotMatch(alice.screen, /bob ●/);
    alice.size = { ...alice.size, columns: 50 };
    await alice.chat.open('d:alice:dave');
    alice.keys('escape');
    await alice.shows(/^ Enter send.*\/help$/m);
    assert.doesNotMatch(alice.screen, /unread/);
    alice.keys('tab', 'up', 'up');
    await alice.shows(/▌carol/);
    alice.type('m');
    await alice.shows(/carol is not muted any more/);
    alice.keys('escape');
    await alice.shows(/^ Tab 2 unread elsewhere/m);
  });

  test('without a connection it is set here, and on the other device once there is one; clearing waits for nothing', async (context) => {
    const t = backwards(context);
    const { server, alice } = await listed(t);
    const second = await Seat.take(t, server, 'alice', { size: wide });
    await second.shows(/carol ●[^]*bob ●/);
    await alice.client.background({ close: true });
    alice.keys('down');
    alice.type('p');
    await alice.shows(/▌bob 📌[^]* carol[^]*bob is pinned; your other devices hear of it when/);
    alice.keys('enter');
    alice.say('/clear');
    await alice.shows(/\/clear needs a connection/);
    alice.client.foreground();
    await alice.client.connect();
    await second.shows(/bob ● 📌[^]*carol/);
  });

  test('/clear asks first, takes what was said off both devices, and out of what a search has found', async (context) => {
    const t = backwards(context);
    const { server, alice, bob } = await listed(t);
    const [searching, reading] = [await Seat.take(t, server, 'alice', { other: 'carol', size: wide }), await Seat.take(t, server, 'alice', { other: 'bob' })];
    await reading.shows(/bob {4}from bob/);
    await searching.shows(/from carol/);
    searching.say('/search from');
    await searching.shows(/2 say from[^]*▌carol[^]* bob/);
    searching.keys('down');
    alice.keys('down', 'enter');
    await alice.shows(/bob {4}from bob/);
    alice.say('/clear');
    await alice.shows(/│ clear it on all your devices\? bob[^]*y yes {2}n no/);
    alice.type('n');
    await alice.shows(/bob {4}from bob[^]*Enter send/);
    alice.say('/clear');
    alice.type('y');
    await alice.shows(/bob is cleared$/);
    assert.doesNotMatch(alice.screen, /from bob/);
    await reading.shows(/connected\n─+\n\n+─/);
    await searching.shows(/1 says from\s[^]*▌carol(?![^]*│ bob)/);
    bob.send('alice', 'anew');
    await reading.shows(/bob {4}anew/);
    assert.doesNotMatch(reading.screen, /from bob/);
    alice.say('/search bob');
    await alice.shows(/nothing that is stored here says bob$/);
  });

  test('where nothing was said there is nothing to set', async (context) => {
    const t = backwards(context);
    const alice = await Seat.take(t, await startGodwit(t), 'alice', { other: 'bob' });
    for (const line of ['/mute', '/pin', '/archive', '/clear']) {
      alice.say(line);
      await alice.shows(/nothing was said here yet$/);
      alice.keys('escape');
    }
    alice.say('/archived');
    await alice.shows(/nothing is archived$/);
  });
});

describe('a search', { concurrency: true }, () => {
  test('looks through all conversations, and opens one at what was found, however far back; what nobody has seen is not read', async (context) => {
    const t = backwards(context);
    const { alice, bob, carol } = await listed(t);
    const many = 3_300;
    for (let i = 1; i <= many; i++) bob.send('alice', i === 9 ? 'the Needle, \u001b[31mred' : `line ${i}`);
    await alice.shows(new RegExp(`line ${many} `));
    carol.send('alice', 'needles? none');
    await alice.shows(/needles\? none/);
    await alice.chat.open('d:alice:carol');
    alice.say('/search NEEDLE');
    await alice.shows(/│ 2 say NEEDLE *\n.*\n.*│▌carol +\d\d:\d\d\n.*│▌needles\? none\n.*│ bob +\d\d:\d\d\n.*│ the Needle, \ufffd\[31mred\n/);
    alice.keys('tab');
    await alice.shows(/│ 1 says NEEDLE, with carol[^]*Tab everywhere/);
    alice.keys('tab');
    await alice.shows(/│ 2 say NEEDLE *\n/);
    alice.keys('down', 'enter');
    await alice.shows(/│ bob is online[^]*bob {4}line 8\n.*│▌.*the Needle[^]*bob {4}line 12\n/);
    assert.equal(alice.chat.list.get('d:alice:bob')!.ownRead < 20, true, 'only what was shown is read');
    alice.keys('escape');
    await alice.shows(new RegExp(`line ${many}\\n`));
  });

  test('shows what was found as it now is, and does not come between what is written meanwhile', async (context) => {
    const t = backwards(context);
    const { alice, bob } = await listed(t);
    alice.keys('enter');
    alice.say('/search from');
    await alice.shows(/2 say from[^]*│ from bob/);
    const [message] = await bob.messages('alice');
    bob.edit(message as Message, 'from robert');
    await alice.shows(/2 say from[^]*│ from robert/);
    alice.keys('escape');
    alice.say('/search from');
    alice.type('wait');
    assert.equal((await alice.chat.finder.find('robert')).length, 1);
    await alice.shows(/> wait\n Enter send/);
    assert.equal(alice.chat.mode.kind, 'compose');
  });

  test('of one conversation finds what only the server has', async (context) => {
    const t = backwards(context);
    const server = await startGodwit(t);
    const bob = await device(t, server, 'bob');
    const first = await device(t, server, 'alice');
    const sent = Array.from({ length: 300 }, (_, i) => bob.send('alice', i === 3 ? 'the needle' : `line ${i}`));
    await sent.at(-1)!.until('delivered');
    await first.markRead('bob', sent.at(-1)!.seq!);
    const second = await Seat.take(t, server, 'alice', { size: wide });
    await second.shows(/bob ●[^]*line 299/);
    second.keys('enter');
    await second.shows(/bob {4}line 299/);
    second.say('/search needle');
    await second.shows(/nothing that is stored here says needle$/);
    second.say('/search 299');
    await second.shows(/1 says 299/);
    second.keys('tab');
    await second.shows(/1 says 299, with bob/);
    second.keys('escape');
    second.say('/search needle');
    await second.shows(/1 says needle *\n[^]*▌the needle/);
  });
});

test('a device that was opened without a connection shows the list and the past as soon as it has one', async (context) => {
  const t = backwards(context);
  const server = await startGodwit(t);
  const [bob, first] = [await device(t, server, 'bob'), await device(t, server, 'alice')];
  const sent = ['one', 'two'].map((text) => bob.send('alice', text));
  await sent[1].until('delivered');
  await first.markRead('bob', sent[0].seq!);
  await first.setConversation('bob', { pinned: true });
  await until('the pin is known', async () => (await first.conversations())[0].pinned);
  const second = await Seat.take(t, server, 'alice', { other: 'bob', size: wide });
  await second.shows(/bob ● 📌[^]*bob {4}one\n[^]*── unread ─+\n.*bob {4}two\n/);
});
