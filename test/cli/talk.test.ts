import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reason, type ConversationInfo, type Message, type Sent, type StateChange } from 'godwit-client';
import { archivedRow, Conversations } from '../../broker/cli/chat/model/conversations.js';
import { muteUntil } from '../../broker/cli/chat/model/settings.js';
import { Talk, type Entry } from '../../broker/cli/chat/model/talk.js';
import { bottomAt, visible, type Row } from '../../broker/cli/chat/model/viewport.js';

const conversation = 'd:alice:bob';

function message(seq: number, from = 'bob', more: Partial<Message> = {}): Message {
  const own = from === 'alice';
  const text = `text ${seq}`;
  return { type: 'message', conversation, seq, id: `${from}${seq}`, from, fromDevice: 'x', own, sentAtMs: 1_000 * seq, silent: false, content: { kind: 'text', text }, text, reactions: [], ...(own && { tick: 'sent' }), ...more };
}

const talk = (): Talk => new Talk(conversation, { atMs: 0, readTo: 0 });
const sent = (id: string): Sent => ({ id, conversation, state: 'queued' }) as Sent;
const state = (id: string, state: StateChange['state'], seq?: number): StateChange => ({ type: 'state', conversation, id, state, seq });
const keysOf = (entries: readonly Entry[]): string[] => entries.map(({ key }) => key);

describe('a talk', () => {
  test('keeps the order of the places, and takes each once', () => {
    const here = talk();
    here.addOlder([], true);
    for (const seq of [2, 1, 3, 2]) here.add(message(seq));
    assert.deepEqual(keysOf(here.entries(0)), ['bob1', 'bob2', 'bob3']);
  });

  test('what waits stands last, until it is accepted', () => {
    const here = talk();
    here.wait(sent('alice2'), 'a', 1);
    here.wait(sent('b'), 'b', 1);
    here.add(message(1));
    assert.deepEqual(keysOf(here.entries(0)), ['bob1', 'alice2', 'b']);
    here.add(message(2, 'alice'));
    here.add(message(3));
    assert.deepEqual(keysOf(here.entries(0)), ['bob1', 'alice2', 'bob3', 'b']);
    // Sent again, it waits behind the others.
    here.wait(sent('c'), 'c', 1);
    here.wait(sent('b'), 'b', 1);
    assert.deepEqual(keysOf(here.entries(0)).slice(-2), ['c', 'b']);
    here.forget('b');
    assert.deepEqual(keysOf(here.entries(0)).slice(-1), ['c']);
  });

  test('changes, ticks and gaps take their places', () => {
    const here = talk();
    here.addOlder([message(1, 'alice'), message(9)], true);
    here.ticked(state('alice1', 'read', 1));
    here.changed(message(9, 'bob', { text: 'edited' }));
    here.changed(message(20, 'bob'));
    here.add({ type: 'gap', conversation, from: 2, to: 8, reason: Reason.EXPIRED });
    const [first, gap, last, ...more] = here.entries(0);
    assert.equal(first.kind === 'message' && first.message.tick, 'read');
    assert.equal(gap.kind, 'gap');
    assert.equal(last.kind === 'message' && last.message.text, 'edited');
    assert.deepEqual(more, []);
    assert.equal(here.find({ from: 'bob', id: 'bob9' })?.text, 'edited');
    assert.equal(here.find({ from: 'bob', id: 'alice1' }), undefined);
  });

  test('what is older than what is loaded comes with its page', () => {
    const here = talk();
    here.addOlder([message(50), message(51)], false);
    here.add(message(3));
    assert.deepEqual(keysOf(here.entries(0)), ['bob50', 'bob51']);
    here.addOlder([message(48), message(49)], true);
    assert.deepEqual(keysOf(here.entries(0)), ['bob48', 'bob49', 'bob50', 'bob51']);
  });

  test('of very much, the oldest is let go, and can be read again', () => {
    const here = talk();
    here.addOlder(Array.from({ length: 3_500 }, (_, i) => message(i + 1)), true);
    here.trim();
    assert.equal(here.oldest, 1_001);
    assert.equal(here.complete, false);
    assert.equal(here.find({ from: 'bob', id: 'bob1' }), undefined);
  });

  test('unread is what others had said before one came in', () => {
    const here = new Talk(conversation, { atMs: 3_500, readTo: 1 });
    assert.deepEqual([message(1), message(2), message(3, 'alice'), message(4)].map((one) => here.isUnread(one)), [false, true, false, false]);
    assert.equal(here.isUnread({ ...message(2), content: { kind: 'event' } as Message['content'] }), false, 'what the server says is not to be read');
  });
});

describe('what another device does', () => {
  test('what is cleared is gone, and does not come back with a page that was read before', () => {
    const here = talk();
    here.addOlder([message(3), message(4)], false);
    here.clear(2);
    assert.deepEqual([keysOf(here.entries(0)), here.complete], [['bob3', 'bob4'], false]);
    here.clear(3);
    assert.deepEqual([keysOf(here.entries(0)), here.complete], [['bob4'], true]);
    here.addOlder([message(1), message(2)], true);
    assert.deepEqual(keysOf(here.entries(0)), ['bob4']);
    assert.equal(here.find({ from: 'bob', id: 'bob3' }), undefined);
  });

  test('what is read there is not unread here', () => {
    const here = new Talk(conversation, { atMs: 9_000, readTo: 1 });
    here.readElsewhere(2);
    assert.deepEqual([message(2), message(3)].map((one) => here.isUnread(one)), [false, true]);
    assert.equal(here.readTo, 2);
  });
});

describe('the rows that are seen', () => {
  /** Ten entries of two rows. */
  const rows: Row[] = Array.from({ length: 20 }, (_, at) => ({ line: [], key: `k${Math.floor(at / 2)}` }));

  test('are the last ones, those above a row, or those around what is chosen', () => {
    assert.deepEqual(visible(rows, 6, undefined, undefined), { top: 14, end: 20 });
    assert.deepEqual(visible(rows, 6, { key: 'k5', row: 0 }, undefined), { top: 5, end: 11 });
    assert.deepEqual(visible(rows, 6, undefined, 'k2'), { top: 4, end: 10 });
    assert.deepEqual(visible(rows, 6, { key: 'k2', row: 1 }, 'k7'), { top: 10, end: 16 });
    assert.deepEqual(visible(rows, 6, { key: 'k0', row: 0 }, undefined), { top: 0, end: 6 });
    assert.deepEqual(visible(rows, 50, undefined, 'k2'), { top: 0, end: 20 });
    assert.deepEqual(visible([], 6, undefined, undefined), { top: 0, end: 0 });
  });

  test('stay where they are while others come', () => {
    const bottom = bottomAt(rows, 11);
    assert.deepEqual(bottom, { key: 'k5', row: 0 });
    assert.deepEqual(visible([...rows, { line: [], key: 'new' }], 6, bottom, undefined), { top: 5, end: 11 });
    assert.equal(bottomAt(rows, 20), undefined);
  });

  test('of an entry higher than the screen begin with its beginning', () => {
    const high: Row[] = Array.from({ length: 30 }, () => ({ line: [], key: 'high' }));
    assert.deepEqual(visible([...rows, ...high], 6, undefined, 'high'), { top: 20, end: 26 });
  });
});

describe('the list', () => {
  const info = (name: string, sentAtMs = 0, more: Partial<ConversationInfo> = {}): ConversationInfo => ({ conversation: name, seq: 0, delivered: 0, read: 0, ownRead: 0, unread: 0, clearedTo: 0, mutedUntilMs: 0, archived: false, pinned: false, ...(sentAtMs > 0 && { last: message(1, 'bob', { sentAtMs }) }), ...more });
  const [bob, carol, dave, erin] = ['bob', 'carol', 'dave', 'erin'].map((user) => `d:alice:${user}`);
  const names = (infos: ConversationInfo[]): string[] => infos.map(({ conversation }) => conversation);

  test('has the newest first, and no feeds', () => {
    const list = new Conversations();
    for (const one of [info(bob, 5), info(carol, 9), info('u:alice', 20), info(dave)]) list.set(one);
    assert.deepEqual(names(list.list()), [carol, bob, dave]);
    list.set(info(dave, 10));
    list.add(bob);
    assert.deepEqual([list.next(undefined, 1), list.next(dave, 1), list.next(dave, -1), list.next(bob, 5)], [dave, carol, dave, bob]);
  });

  test('has those that are pinned before; archived ones are behind a row at its end', () => {
    const list = new Conversations();
    for (const one of [info(bob, 5, { pinned: true }), info(carol, 9), info(dave, 20, { archived: true }), info(erin, 1, { pinned: true, archived: true })]) list.set(one);
    assert.deepEqual([names(list.list()), names(list.list(true))], [[bob, carol], [erin, dave]]);
    assert.deepEqual([list.rows(), list.rows(true)], [[bob, carol, archivedRow], [erin, dave]]);
    assert.deepEqual([list.next(carol, 1), list.next(dave, 1)], [carol, bob]);
    for (const name of [dave, erin]) list.set(info(name));
    assert.deepEqual(list.rows(), [bob, carol, dave, erin]);
  });

  test('a mute is for hours, days, weeks, or for ever', () => {
    assert.deepEqual(['', 'off', '8h', '2 d', '1w'].map((words) => muteUntil(words, 1)), [Infinity, 0, 28_800_001, 172_800_001, 604_800_001]);
    for (const words of ['8', 'h', '0h', '-1h', '1.5h', '1y', '99999h', 'soon']) assert.equal(muteUntil(words, 1), undefined, words);
  });
});
