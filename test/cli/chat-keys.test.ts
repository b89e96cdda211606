import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Sent } from 'godwit-client';
import { startGodwit, type TestServer } from '../support/godwit.js';
import type { Scope } from '../support/folder.js';
import { DEADLINE_MS } from '../support/recorder.js';
import { backwards, device, Seat } from './chat-seat.js';

/** Waits until an own message is that far. */
function reached(sent: Sent | undefined, state: 'sent' | 'delivered' | 'read'): Promise<unknown> {
  return sent ? sent.until(state, { signal: AbortSignal.timeout(DEADLINE_MS) }) : Promise.resolve();
}

/** alice and bob, who talk with one another. */
async function two(t: Scope): Promise<{ server: TestServer; alice: Seat; bob: Seat }> {
  const server = await startGodwit(t);
  const alice = await Seat.take(t, server, 'alice', { other: 'bob' });
  return { server, alice, bob: await Seat.take(t, server, 'bob', { other: 'alice' }) };
}

describe('the chat', { concurrency: true }, () => {
  test('a message, its ticks, who types and who is there', async (context) => {
    const t = backwards(context);
    const { alice, bob } = await two(t);
    await alice.shows(/^ bob is online +connected$/m);
    alice.type('hello');
    await bob.shows(/alice is typing…/);
    alice.keys('enter');
    await bob.shows(/^ \d\d:\d\d {4}alice {2}hello$/m);
    await alice.shows(/^ \d\d:\d\d ✓✓ alice {2}hello$/m);
    assert.equal(alice.chat.entries().length, 1, 'the message stands there once');
  });

  test('answers, reactions, edits and deletions are seen by both', async (context) => {
    const t = backwards(context);
    const { alice, bob } = await two(t);
    alice.say('shall we meet at 8?');
    await bob.shows(/meet at 8/);
    bob.keys('up');
    await bob.shows(/^▌\d\d:\d\d {4}alice[^]*r reply {2}t react {2}↑↓ move/m);
    bob.type('r');
    await bob.shows(/^ ↳ to alice: shall we meet at 8\?$/m);
    bob.say('yes');
    await alice.shows(/bob {4}↳ alice: shall we meet at 8\?\n +yes$/m);

    bob.keys('up', 'up');
    bob.type('t');
    await bob.shows(/1 👍 {2}2 🎉/);
    bob.type('2');
    await alice.shows(/8\?\n +🎉 1$/m);
    await bob.shows(/8\?\n▌ +🎉 1$/m);
    // The same once more takes it back.
    bob.type('t2');
    await alice.shows(/8\?\n \d\d:\d\d/m);
    await bob.shows(/8\?\n \d\d:\d\d/m);
    bob.type('+❤');
    await alice.shows(/8\?\n +❤ 1$/m);
    bob.keys('escape');

    alice.type('half a thought');
    alice.keys('up', 'up');
    await alice.shows(/e edit {2}d delete/);
    alice.type('e');
    await alice.shows(/^ edit: shall we[^]*^ > shall we meet at 8\?$/m);
    alice.keys('backspace', 'backspace');
    alice.say('9?');
    await bob.shows(/alice {2}shall we meet at 9\? \(edited\)\n +❤ 1\n.*↳ alice: shall we meet at 9\?/m);
    await alice.shows(/^ > half a thought$/m);

    alice.keys('up', 'up');
    alice.type('d');
    await alice.shows(/delete it for everyone\? shall we meet at 9\?[^]*y yes/);
    alice.type('n');
    await alice.shows(/^▌.*meet at 9/m);
    alice.type('dy');
    await bob.shows(/alice {2}deleted\n.*↳ alice: deleted/m);
  });

  test('what is not allowed is not offered, and its keys do nothing', async (context) => {
    const t = backwards(context);
    const { alice, bob } = await two(t);
    alice.say('mine');
    await bob.shows(/mine/);
    bob.keys('up');
    bob.type('ed');
    const screen = await bob.shows(/^▌.*mine/m);
    assert.doesNotMatch(screen, /e edit|d delete|delete it/);
  });

  test('a list with unread counts; what is looked at is read, what is not is not', async (context) => {
    const t = backwards(context);
    const server = await startGodwit(t);
    const [bob, carol] = [await device(t, server, 'bob'), await device(t, server, 'carol')];
    const alice = await Seat.take(t, server, 'alice', { size: { columns: 90 } });
    await alice.shows(/nothing yet[^]*no conversation is open|no conversation is open[^]*nothing yet/);
    const sent = [bob.send('alice', 'one'), bob.send('alice', 'two')];
    await alice.shows(/bob ●.*│.*\n[ ▌]two +2 │/);
    const last = carol.send('alice', 'from carol');
    await alice.shows(/carol ●.*│[^\n]*\n.*from carol +1 │[^]*bob ●.*│[^\n]*\n[ ▌]two +2 │/);
    await Promise.all(sent.map((one) => reached(one, 'delivered')));

    alice.keys('down', 'enter');
    await reached(sent[1], 'read');
    await alice.shows(/[ ▌]two +│/);
    assert.equal(last.state === 'read', false, 'what nobody looked at is not read');
    alice.keys('ctrl-up');
    await reached(last, 'read');
    await alice.shows(/── unread ─+\n.*carol {2}from carol/);

    // A message for another conversation is counted, and not shown.
    bob.send('alice', 'three');
    await alice.shows(/three +1 │/);
    assert.doesNotMatch(alice.screen, /bob {4}three/);
  });

  test('on a narrow screen the list has a screen of its own; what waits there is said', async (context) => {
    const t = backwards(context);
    const server = await startGodwit(t);
    const carol = await device(t, server, 'carol');
    const alice = await Seat.take(t, server, 'alice', { other: 'bob', size: { columns: 50, rows: 14 } });
    carol.send('alice', 'psst');
    await alice.shows(/^ Tab 1 unread elsewhere {2}Enter send.*\/help$/m);
    alice.keys('tab');
    await alice.shows(/^ alice +connected\n─+\n carol ● +\d\d:\d\d\n psst +1\n▌bob/);
    alice.keys('up', 'enter');
    await alice.shows(/^ carol is online +connected\n[^]*carol {2}psst\n─+\n >\n Enter send {2}↑ choose a message/);
    alice.say('/help');
    assert.doesNotMatch(alice.screen, /blue/);
    alice.keys('down', 'pagedown', 'pagedown', 'pagedown', 'pagedown');
    await alice.shows(/blue ✓✓ \(or ✔✔\) read\n─+\n >\n ↑↓ move {2}Esc back$/);
    // It does not go on beyond its end.
    alice.keys('up');
    assert.doesNotMatch(alice.screen, /blue/);
    alice.type('x');
    await alice.shows(/carol {2}psst\n─+\n > x\n/);
  });

  test('what nobody sees is not read: in the background, behind the help, above what is shown', async (context) => {
    const t = backwards(context);
    const server = await startGodwit(t);
    const bob = await device(t, server, 'bob');
    const alice = await Seat.take(t, server, 'alice', { other: 'bob', unseen: true });
    const first = bob.send('alice', 'one');
    await alice.shows(/bob {4}one/);
    assert.equal(alice.chat.talk!.readTo, 0);
    alice.say('/help');
    alice.unseen = false;
    await alice.shows(/Help/);
    assert.equal(alice.chat.talk!.readTo, 0);
    alice.keys('escape');
    await reached(first, 'read');

    for (let i = 0; i < 40; i++) bob.send('alice', `line ${i}`);
    await alice.shows(/line 39/);
    alice.keys('pageup');
    const read = alice.chat.talk!.readTo;
    await reached(bob.send('alice', 'at the end'), 'delivered');
    await alice.shows(/line 2\d/);
    assert.doesNotMatch(alice.screen, /at the end/);
    assert.equal(alice.chat.talk!.readTo, read);
    alice.keys('escape');
    await alice.shows(/at the end/);
    assert.equal(alice.chat.talk!.readTo, read + 1);
  });

  test('further back, more is read from the store; a search finds what was said there, and goes there', async (context) => {
    const t = backwards(context);
    const server = await startGodwit(t);
    const bob = await device(t, server, 'bob');
    const alice = await Seat.take(t, server, 'alice');
    for (let i = 0; i < 500; i++) bob.send('alice', i === 7 ? 'we meet in the Café Müller' : `line ${i}`);
    await alice.shows(/line 499/);
    alice.keys('enter');
    await alice.shows(/bob {4}line 499/);
    assert.ok(alice.chat.entries().length < 500, 'it was not all read from the store at once');
    alice.say('/search cafe MULLER');
    await alice.shows(/^ 1 says cafe MULLER\n\n▌bob +\d\d:\d\d\n▌we meet in the Café Müller$/m);
    alice.keys('enter');
    await alice.shows(/^ .*line 6\n▌.*Café Müller\n.*line 8$/m);
    alice.keys('home');
    await alice.shows(/^▌.*bob {4}line 0$/m);
    alice.keys('escape');
    await alice.shows(/line 499/);
    alice.say('/search nothing of the kind');
    await alice.shows(/^ nothing that is stored here says nothing of the kind$/m);
  });

  test('what was refused says why, and is sent again or discarded', async (context) => {
    const t = backwards(context);
    const server = await startGodwit(t);
    const alice = await Seat.take(t, server, 'alice', { other: 'dave', size: { columns: 70 } });
    alice.say('are you there?');
    await alice.shows(/✗ {2}alice {2}are you there\?\n +not sent: /);
    await device(t, server, 'dave');
    alice.keys('up');
    await alice.shows(/s send again {2}x discard/);
    alice.type('s');
    await alice.shows(/✓✓ alice {2}are you there\?/);
    alice.keys('escape');

    await alice.chat.open('d:alice:erin');
    alice.say('and you?');
    await alice.shows(/not sent: /);
    alice.keys('up');
    alice.type('x');
    await alice.shows(/connected\n─+\n\n+─/);
    assert.deepEqual(alice.client.outbox(), []);
  });

  test('what is pasted is not sent line by line', async (context) => {
    const t = backwards(context);
    const { alice, bob } = await two(t);
    alice.paste('first line\nsecond line\n');
    await alice.shows(/^ > first line\n {3}second line\n/m);
    assert.equal(alice.chat.entries().length, 0);
    alice.keys('enter');
    await bob.shows(/alice {2}first line\n +second line$/m);
    assert.equal(bob.chat.entries().length, 1);
  });

  test('commands: what is none is sent, what does not exist is said', async (context) => {
    const t = backwards(context);
    const { alice, bob } = await two(t);
    alice.say('/etc/hosts is a file');
    await bob.shows(/alice {2}\/etc\/hosts is a file/);
    alice.say('/nosuch');
    await alice.shows(/^ there is no \/nosuch/m);
    alice.say('/open b b');
    await alice.shows(/^ \/open takes the id of a user/m);
    alice.say('/open carol');
    await alice.shows(/^ carol/m);
    alice.say('/quit');
    assert.equal(alice.left, true);
  });
});
