import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reason, type Message, type StateChange } from 'godwit-client';
import { Transcript, type MessageItem } from '../../broker/cli/chat/transcript.js';

const conversation = 'd:alice:bob';

function message(seq: number, from = 'bob', id = `${from}${seq}`): Message {
  const own = from === 'alice';
  const text = `text ${seq}`;
  return { type: 'message', conversation, seq, id, from, fromDevice: 'x', own, sentAtMs: 1_000 * seq, silent: false, content: { kind: 'text', text }, text, reactions: [], ...(own && { tick: 'sent' }) };
}

function queued(id: string): MessageItem {
  return { kind: 'message', id, from: 'alice', own: true, text: id, atMs: 1, seq: undefined, state: 'queued', error: undefined };
}

const state = (id: string, state: StateChange['state'], seq?: number): StateChange => ({ type: 'state', conversation, id, state, seq });

/** What stands there, one word an item. */
const words = ({ items }: Transcript): string[] => items.map((item) => (item.kind === 'note' ? `(${item.text})` : item.id));

describe('the transcript', () => {
  test('keeps the order of the places, and takes each once', () => {
    const transcript = new Transcript();
    assert.deepEqual([2, 1, 3, 2].map((seq) => transcript.add(message(seq))), [true, true, true, false]);
    assert.deepEqual(words(transcript), ['bob1', 'bob2', 'bob3']);
    assert.equal(transcript.lastReceived, 3);
  });

  test('what is not accepted stands last, and moves to its place when it has one', () => {
    const transcript = new Transcript();
    transcript.queue(queued('a'));
    transcript.queue(queued('b'));
    transcript.add(message(1));
    assert.deepEqual(words(transcript), ['bob1', 'a', 'b']);
    assert.equal(transcript.waiting, 2);
    transcript.add(message(3));
    transcript.moved('alice', state('a', 'sent', 2));
    assert.deepEqual(words(transcript), ['bob1', 'a', 'bob3', 'b']);
    transcript.moved('alice', state('b', 'sent', 4));
    assert.deepEqual(words(transcript), ['bob1', 'a', 'bob3', 'b']);
    assert.equal(transcript.waiting, 0);
  });

  test('an own message that comes from the store too is the same one', () => {
    const transcript = new Transcript();
    transcript.queue(queued('a'));
    assert.equal(transcript.add(message(1, 'alice', 'a')), false);
    assert.deepEqual(words(transcript), ['a']);
  });

  test('ticks and refusals reach their message', () => {
    const transcript = new Transcript();
    transcript.queue(queued('a'));
    assert.equal(transcript.moved('alice', state('a', 'sent', 1))!.state, 'sent');
    assert.equal(transcript.moved('alice', state('a', 'read'))!.state, 'read');
    assert.equal(transcript.moved('alice', state('unknown', 'read')), undefined);
  });

  test('a gap stands in its place, and notes where they were said', () => {
    const transcript = new Transcript();
    transcript.add(message(1));
    transcript.note('said now');
    transcript.queue(queued('a'));
    transcript.add(message(9));
    transcript.add({ type: 'gap', conversation, from: 2, to: 8, reason: Reason.EXPIRED });
    assert.deepEqual(words(transcript), ['bob1', '(said now)', '(7 messages: each disappeared)', 'bob9', 'a']);
  });

  test('nothing is put before what is settled', () => {
    const transcript = new Transcript();
    transcript.add(message(1));
    transcript.add(message(5));
    transcript.settled = 2;
    transcript.add(message(3));
    assert.deepEqual(words(transcript), ['bob1', 'bob5', 'bob3']);
  });
});
