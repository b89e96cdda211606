import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import type { ReadStream, WriteStream } from 'node:tty';
import { State, type ConnectionChange } from 'godwit-client';
import { Composer } from '../../broker/cli/chat/composer.js';
import { Paint } from '../../broker/cli/chat/paint.js';
import { Paper } from '../../broker/cli/chat/paper.js';
import { Screen } from '../../broker/cli/chat/screen.js';
import { statusLine, type Situation } from '../../broker/cli/chat/status.js';
import { harmless, wrap } from '../../broker/cli/chat/text.js';
import { Transcript, type MessageItem } from '../../broker/cli/chat/transcript.js';
import { Terminal } from './terminal-emulator.js';

const paint = new Paint(false);
const below = (...lines: string[]): { lines: string[]; row: number; column: number } => ({ lines, row: lines.length - 1, column: lines.at(-1)!.length });

function said(text: string, state: MessageItem['state'] = 'sent', id = text): MessageItem {
  return { kind: 'message', id, from: 'alice', own: true, text, atMs: Date.now(), seq: undefined, state, error: undefined };
}

function paperOn(terminal: Terminal): { transcript: Transcript; paper: Paper } {
  const transcript = new Transcript();
  const paper = new Paper(new Screen(terminal as unknown as WriteStream), transcript, { paint, nameWidth: 5 });
  return { transcript, paper };
}

/** Lines without their time. */
const untimed = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/^\d\d:\d\d /, ''));

describe('the paper', () => {
  test('ticks change in place, and the cursor stands in the composer', () => {
    const terminal = new Terminal(40, 8);
    const { transcript, paper } = paperOn(terminal);
    transcript.queue(said('hello', 'queued'));
    paper.draw(below('status', '> ab'));
    assert.deepEqual(untimed(terminal.lines), ['·  alice  hello', 'status', '> ab']);
    assert.deepEqual([terminal.row, terminal.column], [2, 4]);
    transcript.moved('alice', { type: 'state', conversation: 'd:alice:bob', id: 'hello', state: 'delivered', seq: 1 });
    paper.draw(below('status', '>'));
    assert.deepEqual(untimed(terminal.lines), ['✓✓ alice  hello', 'status', '>']);
  });

  test('what has no more room scrolls away, each line once', () => {
    const terminal = new Terminal(60, 6);
    const { transcript, paper } = paperOn(terminal);
    const expected: string[] = [];
    for (let i = 0; i < 20; i++) {
      transcript.queue(said(`message ${i}`));
      expected.push(`✓  alice  message ${i}`);
      paper.draw(below('status', '>'));
      paper.draw(below('status', '> x'));
    }
    assert.deepEqual(untimed(terminal.scrolled), expected.slice(0, 16));
    assert.deepEqual(untimed(terminal.lines), [...expected.slice(16), 'status', '> x']);
  });

  test('a message longer than the screen scrolls away line by line', () => {
    const terminal = new Terminal(30, 5);
    const { transcript, paper } = paperOn(terminal);
    transcript.queue(said(Array.from({ length: 9 }, (_, i) => `row ${i}`).join('\n')));
    paper.draw(below('status', '>'));
    transcript.queue(said('next'));
    paper.draw(below('status', '>'));
    const all = [...terminal.scrolled, ...terminal.lines].map((line) => line.trim());
    assert.deepEqual(all.filter((line) => /row|next/.test(line)).map((line) => /row \d|next/.exec(line)![0]), ['row 0', 'row 1', 'row 2', 'row 3', 'row 4', 'row 5', 'row 6', 'row 7', 'row 8', 'next']);
  });

  test('after a resize the end is drawn anew, in lines that fit', () => {
    const terminal = new Terminal(80, 10);
    const { transcript, paper } = paperOn(terminal);
    for (let i = 0; i < 5; i++) transcript.queue(said(`${i}: words that need more than one line on a narrow screen, 漢字 too`));
    paper.draw(below('status', '>'));
    [terminal.columns, terminal.rows] = [40, 10];
    paper.redraw(below('status', '>'));
    assert.equal(terminal.lines.length, 10);
    assert.match(terminal.lines.join('\n'), /4: words/);
    assert.deepEqual(terminal.lines.slice(-2), ['status', '>']);
  });

  test('leaving takes away what stood below', () => {
    const terminal = new Terminal(40, 8);
    const { transcript, paper } = paperOn(terminal);
    transcript.queue(said('hello'));
    paper.draw(below('status', '> ab'));
    paper.leave(['bye']);
    assert.deepEqual(untimed(terminal.lines), ['✓  alice  hello', 'bye']);
    assert.deepEqual([terminal.row, terminal.column], [2, 0]);
  });

  test('a refused message says why', () => {
    const terminal = new Terminal(60, 8);
    const { transcript, paper } = paperOn(terminal);
    transcript.queue({ ...said('hello', 'failed'), error: 'there is no such user' });
    paper.draw(below('>'));
    assert.deepEqual(terminal.lines.map((line) => line.trim().replace(/^\d\d:\d\d /, '')), ['✗  alice  hello', 'not sent: there is no such user', '>']);
  });

  test('a narrow screen has the text below the name', () => {
    const terminal = new Terminal(30, 8);
    const { transcript, paper } = paperOn(terminal);
    transcript.queue(said('hello there'));
    paper.draw(below('>'));
    assert.deepEqual(untimed(terminal.lines), ['✓  alice', '  hello there', '>']);
  });
});

describe('text', () => {
  test('is broken at spaces, and hard where there are none; wide characters count twice', () => {
    assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
    assert.deepEqual(wrap('abcdefghij', 4), ['abcd', 'efgh', 'ij']);
    assert.deepEqual(wrap('漢字漢字漢', 4), ['漢字', '漢字', '漢']);
    assert.deepEqual(wrap('a\n\n  b', 10), ['a', '', '  b']);
  });

  test('steers nothing', () => {
    assert.equal(harmless('a\u001b[31mb\u0007\u009b\u202ec\td\r\ne'), 'a\ufffd[31mb\ufffd\ufffdc    d\ne');
  });
});

describe('the composer', () => {
  /** Types keys, and waits until they are dealt with. */
  async function type(keys: string): Promise<{ composer: Composer; entered: string[] }> {
    const input = new PassThrough() as unknown as ReadStream;
    const entered: string[] = [];
    let changed = (): void => {};
    const composer = new Composer(input, { line: (text) => entered.push(text), changed: () => changed(), quit() {}, resumed() {} });
    for (const key of keys.match(/\u001b\[[A-Z]|[^]/gu) ?? []) {
      await new Promise<void>((resolve) => {
        changed = resolve;
        (input as unknown as PassThrough).write(key);
      });
    }
    return { composer, entered };
  }

  test('shows what is typed, and where the cursor is', async (t) => {
    const { composer } = await type('hello\u001b[D\u001b[D');
    t.after(() => composer.close());
    assert.deepEqual(composer.lines(20, 3), { lines: ['> hello'], row: 0, column: 5 });
  });

  test('a long line has several rows; of more than fit, those around the cursor', async (t) => {
    const { composer } = await type('0123456789漢字abcdefghij');
    t.after(() => composer.close());
    assert.deepEqual(composer.lines(12, 5), { lines: ['> 0123456789', '  漢字abcdef', '  ghij'], row: 2, column: 6 });
    assert.deepEqual(composer.lines(12, 2), { lines: ['  漢字abcdef', '  ghij'], row: 1, column: 6 });
  });

  test('gives a line at Enter, and keeps it for the arrow up', async (t) => {
    const { composer, entered } = await type('first\rsecond\r\u001b[A');
    t.after(() => composer.close());
    assert.deepEqual(entered, ['first', 'second']);
    assert.deepEqual(composer.lines(20, 1).lines, ['> second']);
  });
});

describe('the status line', () => {
  const nowMs = new Date(2026, 10, 22, 15, 0).getTime();
  const connection = (change: Partial<ConnectionChange>): ConnectionChange => ({ type: 'connection', state: 'connected', ...change });
  const situation: Situation = { other: 'bob', presence: undefined, typing: false, connection: connection({}), waiting: 0, nowMs };
  const presence = (state: State, lastSeenMs = 0): Situation => ({ ...situation, presence: { type: 'presence', user: 'bob', state, lastSeenMs } });
  const line = (of: Situation): string => statusLine(of, 80, paint).replace(/─+/g, '─');

  test('says where the other is', () => {
    assert.equal(line(presence(State.ONLINE)), '─ bob is online ─ connected ─');
    assert.equal(line(presence(State.AWAY)), '─ bob is away ─ connected ─');
    assert.equal(line(presence(State.OFFLINE, nowMs - 3_600_000)), '─ bob was last seen 14:00 ─ connected ─');
    assert.equal(line(presence(State.OFFLINE, nowMs - 20 * 3_600_000)), '─ bob was last seen yesterday 19:00 ─ connected ─');
    assert.equal(line(presence(State.OFFLINE, nowMs - 72 * 3_600_000)), '─ bob was last seen 2026-11-19 15:00 ─ connected ─');
    assert.equal(line({ ...presence(State.ONLINE), typing: true }), '─ bob is typing… ─ connected ─');
  });

  test('says what the connection is, and what waits for it', () => {
    assert.equal(line({ ...situation, waiting: 2, connection: connection({ state: 'waiting', retryAtMs: nowMs + 4_500 }) }), '─ bob ─ offline, 2 messages wait here, next try in 5 s ─');
    assert.equal(line({ ...situation, connection: connection({ state: 'signed-out' }) }), '─ bob ─ the server refused the token ─');
    assert.equal(line({ ...situation, connection: connection({ state: 'taken-over' }) }), '─ bob ─ this device is connected elsewhere ─');
  });

  test('is never wider than the screen; being offline is the more important', () => {
    const narrow = statusLine({ ...situation, connection: connection({ state: 'waiting', retryAtMs: nowMs }) }, 20, paint);
    assert.equal(narrow, 'offline, next try no');
  });
});
