import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createClient, memoryStore, Reason, State, type ConnectionChange, type Message } from 'godwit-client';
import { create, GroupSchema } from 'godwit-schemas';
import { Chat } from '../../broker/cli/chat/model/chat.js';
import { archivedRow } from '../../broker/cli/chat/model/conversations.js';
import { Draft } from '../../broker/cli/chat/model/draft.js';
import { frameOf, type Frame } from '../../broker/cli/chat/model/frame.js';
import { compose, nothingSeen, type Mode } from '../../broker/cli/chat/model/mode.js';
import { textOf } from '../../broker/cli/chat/model/spans.js';
import { connectionSays, otherSays, type Situation } from '../../broker/cli/chat/status.js';
import { Terminal } from './terminal-emulator.js';

// Ink draws nothing where it believes that nobody looks, and finds that out when it is loaded.
process.env.CI = process.env.CONTINUOUS_INTEGRATION = '0';
const { Display } = await import('../../broker/cli/chat/views/display.js');

const conversation = 'd:alice:bob';
const nowMs = new Date(2026, 10, 22, 15, 0).getTime();

function message(seq: number, text: string, more: Partial<Message> = {}): Message {
  const own = more.from === 'alice';
  return { type: 'message', conversation, seq, id: `id${seq}`, from: 'bob', fromDevice: 'x', own, sentAtMs: nowMs - 60_000, silent: false, content: { kind: 'text', text }, text, reactions: [], ...(own && { tick: 'sent' }), ...more };
}

/** alice's chat with bob, who is not there; nor is a server. */
async function chatOf(...messages: Message[]): Promise<Chat> {
  const client = await createClient({ url: 'mqtt://127.0.0.1:1', user: 'alice', token: 'none', store: memoryStore(), now: () => nowMs });
  const chat = new Chat(client, { changed() {}, quit() {}, seen: () => true, introduce: async () => [], info: () => [] });
  await chat.start('bob');
  for (const one of messages) {
    chat.talk!.add(one);
    chat.list.set({ conversation, seq: one.seq, delivered: 0, read: 0, ownRead: 0, unread: 3, clearedTo: 0, mutedUntilMs: 0, archived: false, pinned: false, last: one });
  }
  return chat;
}

const nasty = [
  '漢字かなカナ'.repeat(9),
  '👨‍👩‍👧‍👦👩🏽‍🚀🏳️‍🌈🇩🇪🇫🇷1️⃣❤️'.repeat(4),
  'שלום עולם، مرحبا بالعالم '.repeat(4),
  `e\u0301${'\u0301'.repeat(30)} क्षत्रिय ${'x'.repeat(200)}`,
  '\u001b[2J\u001b]0;title\u0007 \u202ebackwards\u2066\r\n\u009b31mred\ttab\n\n   indented',
];

function show(frame: Frame, columns: number, rows: number, joins = true): { terminal: Terminal; display: InstanceType<typeof Display> } {
  const terminal = new Terminal(columns, rows, joins);
  const display = new Display(terminal, new PassThrough() as unknown as NodeJS.ReadStream);
  display.draw(frame, { columns, rows, coloured: true });
  return { terminal, display };
}

const lines = (frame: Frame): string[] => {
  const all = frame.lines.map((line) => textOf(line).trimEnd());
  while (all.at(-1) === '') all.pop();
  return all;
};

describe('the screen', () => {
  test('fits into every size, on terminals that join emoji and on those that do not', async () => {
    const messages = nasty.flatMap((text, at) => [
      message(2 * at + 1, text, { replyTo: { from: 'bob', id: 'id1' }, reactions: [{ emoji: '👨‍👩‍👧', users: ['alice'] }, { emoji: '❤️', users: ['bob'] }, { emoji: 'שלום', users: ['bob'] }] }),
      message(2 * at + 2, text, { from: 'alice', own: true, editedAtMs: 1, tick: 'read' }),
    ]);
    const chat = await chatOf(...messages);
    chat.draft = new Draft(`${nasty[1]}\n${nasty[2]}`);
    chat.list.set({ ...chat.list.get(conversation)!, mutedUntilMs: Infinity, pinned: true });
    for (const to of ['carol', 'g:birds']) chat.list.set({ ...chat.list.get(conversation)!, conversation: to === 'carol' ? 'd:alice:carol' : to, archived: true });
    chat.groups.learn(create(GroupSchema, { group: 'birds', settings: { name: nasty[4] } }));
    const modes: Mode[] = [
      { kind: 'compose' },
      { kind: 'list', at: conversation },
      { kind: 'list', at: archivedRow },
      { kind: 'list', at: undefined, archived: true },
      { kind: 'select', key: 'id3' },
      { kind: 'react', key: 'id3' },
      { kind: 'clear', conversation: 'g:birds' },
      { kind: 'results', query: 'שלום', here: 'g:birds', found: messages.map((one, at) => (at % 2 ? one : { ...one, conversation: 'g:birds' })), at: 3 },
    ];
    for (const mode of modes) {
      chat.mode = mode;
      chat.purpose = mode.kind === 'compose' ? { kind: 'reply', to: messages[4] } : undefined;
      for (const columns of [20, 40, 79, 80, 133]) {
        for (const rows of [3, 6, 30]) {
          const frame = frameOf(chat, { columns, rows, coloured: true }, nowMs);
          assert.equal(frame.lines.length, rows - 1, `${mode.kind}, ${columns} by ${rows}`);
          for (const joins of [true, false]) {
            const { terminal, display } = show(frame, columns, rows, joins);
            assert.deepEqual(terminal.lines, lines(frame), `${mode.kind}, ${columns} by ${rows}`);
            assert.deepEqual(terminal.scrolled, []);
            if (frame.cursor) assert.deepEqual([terminal.row, terminal.column], [frame.cursor.y, frame.cursor.x]);
            display.forget();
          }
        }
      }
    }
  });

  test('what stands beside the list stands in one column, whatever the list says', async () => {
    for (const text of nasty) {
      const chat = await chatOf(message(1, text));
      for (const joins of [true, false]) {
        const { terminal, display } = show(frameOf(chat, { columns: 90, rows: 12, coloured: true }, nowMs), 90, 12, joins);
        assert.deepEqual(new Set(terminal.columnsOf(/[│┼├]/u)), new Set([27]), text);
        display.forget();
      }
    }
  });

  test('is drawn in place', async () => {
    const chat = await chatOf(message(1, 'hello', { from: 'alice', own: true }));
    const size = { columns: 50, rows: 12, coloured: true };
    const { terminal, display } = show(frameOf(chat, size, nowMs), 50, 12);
    assert.match(terminal.lines.join('\n'), /^ 14:59 ✓ {2}alice {2}hello$/m);
    chat.talk!.ticked({ type: 'state', conversation, id: 'id1', state: 'delivered', seq: 1 });
    const frame = frameOf(chat, size, nowMs);
    display.draw(frame, size);
    while (!terminal.lines.some((line) => line.includes('✓✓'))) await once(terminal, 'drawn');
    assert.deepEqual(terminal.lines, lines(frame));
    assert.deepEqual(terminal.scrolled, []);
    display.forget();
  });

  test('a conversation of every kind of content, in words', async () => {
    const kinds: [Message['content'], RegExp][] = [
      [{ kind: 'media', url: 'https://a.example/x.jpg', mediaType: 'image/jpeg', name: 'x.jpg', size: 120_000, caption: 'look' }, /\(picture, x\.jpg, 120 kB, https:\/\/a\.example\/x\.jpg\) look/],
      [{ kind: 'location', latitude: 48.2, longitude: 16.37, accuracyM: 10, label: 'here' }, /\(place: 48\.20000, 16\.37000 within 10 m\) here/],
      [{ kind: 'contact', user: 'carol', name: 'Carol C.', phones: ['+43 1'] }, /\(contact: Carol C\., carol, \+43 1\)/],
      [{ kind: 'custom', customType: 'game', data: new Uint8Array(3) }, /\(game, 3 bytes\)/],
      [{ kind: 'sealed', alg: 9, keyEpoch: 1n }, /\(encrypted: it cannot be read here\)/],
      [{ kind: 'unknown', bytes: new Uint8Array() }, /\(a kind of message that this version does not know\)/],
      [{ kind: 'deleted' }, /bob {4}deleted/],
    ];
    const chat = await chatOf(...kinds.map(([content], at) => message(at + 1, '', { content, text: undefined })));
    chat.talk!.add({ type: 'gap', conversation, from: 8, to: 9, reason: Reason.EXPIRED });
    chat.talk!.add({ type: 'undecodable', topic: '', bytes: new Uint8Array(), reason: 'broken', message: message(10, '', { content: { kind: 'undecodable', bytes: new Uint8Array() }, text: undefined }) });
    const screen = lines(frameOf(chat, { columns: 130, rows: 30, coloured: true }, nowMs)).join('\n');
    for (const [, expected] of kinds) assert.match(screen, expected);
    assert.match(screen, /- 2 messages: each disappeared\n.*\(this message cannot be read here\)/);
  });

  test('without colours, read ticks are bold ones; what has disappeared is gone', async () => {
    const chat = await chatOf(message(1, 'seen', { from: 'alice', own: true, tick: 'read' }), message(2, 'for a moment', { expiresAtMs: nowMs }));
    assert.match(lines(frameOf(chat, { columns: 50, rows: 12, coloured: true }, nowMs)).join('\n'), /✓✓ alice {2}seen\n─/);
    assert.match(lines(frameOf(chat, { columns: 50, rows: 12, coloured: false }, nowMs)).join('\n'), /✔✔ alice {2}seen\n─/);
  });

  test('days are told apart; a name too long is cut', async () => {
    const chat = await chatOf(message(1, 'old', { sentAtMs: nowMs - 3 * 86_400_000, from: 'b'.repeat(40) }), message(2, 'new'));
    assert.match(lines(frameOf(chat, { columns: 60, rows: 12, coloured: true }, nowMs)).join('\n'), /── 2026-11-19 ─+\n.*── unread ─+\n.* b{15}… {2}old\n ── 2026-11-22 ─+\n.*bob {4}new\n/);
    show(frameOf(chat, { columns: 20, rows: 12, coloured: true }, nowMs), 20, 12).display.forget();
  });
});

test('in the list a long name leaves room for the signs, the time, and what is unread', async () => {
  const chat = await chatOf(message(1, 'x'.repeat(60)));
  const long = `d:alice:${'b'.repeat(40)}`;
  chat.list.set({ ...chat.list.get(conversation)!, conversation: long, mutedUntilMs: Infinity, pinned: true });
  const [, , name, words] = lines(frameOf(chat, { columns: 80, rows: 12, coloured: true }, nowMs));
  assert.match(name, /^ b+… 📌 🔇 +14:59 │/);
  assert.match(words, /^ x+… +3 │/);
});

test('on the way to a message that was found, what is loaded is kept', async () => {
  const chat = await chatOf();
  chat.talk!.addOlder(Array.from({ length: 3_500 }, (_, at) => message(at + 1, 'old')), true);
  chat.mode = { kind: 'results', query: 'old', here: undefined, found: [], at: 0 };
  chat.drawn(nothingSeen);
  assert.equal(chat.entries().length, 3_500);
  chat.mode = compose;
  chat.drawn(nothingSeen);
  assert.equal(chat.entries().length, 2_500);
});

describe('the header', () => {
  const connection = (change: Omit<ConnectionChange, 'type'>): ConnectionChange => ({ type: 'connection', ...change });
  const situation: Situation = { other: 'bob', presence: undefined, typing: undefined, connection: connection({ state: 'connected' }), waiting: 0, nowMs };
  const presence = (state: State, lastSeenMs = 0): Situation => ({ ...situation, presence: { type: 'presence', user: 'bob', state, lastSeenMs } });

  test('says where the other is', () => {
    assert.equal(otherSays(presence(State.ONLINE)), 'bob is online');
    assert.equal(otherSays(presence(State.AWAY)), 'bob is away');
    assert.equal(otherSays(presence(State.OFFLINE, nowMs - 3_600_000)), 'bob was last seen 14:00');
    assert.equal(otherSays(presence(State.OFFLINE, nowMs - 20 * 3_600_000)), 'bob was last seen yesterday 19:00');
    assert.equal(otherSays(presence(State.OFFLINE, nowMs - 72 * 3_600_000)), 'bob was last seen 2026-11-19 15:00');
    assert.equal(otherSays(presence(State.OFFLINE)), 'bob was never here');
    assert.equal(otherSays({ ...presence(State.ONLINE), typing: 'bob' }), 'bob is typing…');
    assert.equal(otherSays({ ...situation, other: 'Birds', typing: 'bob' }), 'Birds: bob is typing…');
    assert.equal(otherSays({ ...presence(State.ONLINE), connection: connection({ state: 'waiting' }) }), 'bob');
  });

  test('says what the connection is, and what waits for it', () => {
    assert.equal(connectionSays({ ...situation, waiting: 2, connection: connection({ state: 'waiting', retryAtMs: nowMs + 4_500 }) }), 'offline, 2 messages wait here, next try in 5 s');
    assert.equal(connectionSays({ ...situation, connection: connection({ state: 'signed-out' }) }), 'the server refused the token');
    assert.equal(connectionSays({ ...situation, connection: connection({ state: 'taken-over' }) }), 'this device is connected elsewhere');
  });

  test('where there is no room for both, being offline is the more important', async () => {
    const chat = await chatOf();
    chat.connection = connection({ state: 'waiting', retryAtMs: nowMs });
    assert.equal(lines(frameOf(chat, { columns: 25, rows: 12, coloured: true }, nowMs))[0], ' offline, next try now');
  });
});

test('only a chat at a terminal loads what draws', () => {
  const folder = fileURLToPath(new URL('../../../broker/', import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file));
  const importing = (what: RegExp): string[] => files.filter((file) => what.test(readFileSync(join(folder, file), 'utf8'))).sort();
  assert.deepEqual(importing(/from '(ink|react)'/), ['cli/chat/views/display.tsx', 'cli/chat/views/screen.tsx']);
  assert.deepEqual(importing(/^import (?!type).* from '.*\/views\/|^import (?!type).* from '.*\/terminal\.js'/m), []);
});

test('no escape codes of our own, but one that no library has', () => {
  const folder = fileURLToPath(new URL('../../../broker/cli/', import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file));
  assert.deepEqual(files.filter((file) => /\\u001b\[|\\x1b|\\u009b\[/i.test(readFileSync(join(folder, file), 'utf8'))), ['chat/screen-modes.ts']);
});
