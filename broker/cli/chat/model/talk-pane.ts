import { peerOf } from 'godwit-schemas';
import type { Message } from 'godwit-client';
import { agoOrTime, day } from '../../times.js';
import { connectionSays, otherSays } from '../status.js';
import { columns, cut, isolated, simple, wrap } from '../text.js';
import { wordsOf } from '../words.js';
import { reactions } from './acts.js';
import type { Chat } from './chat.js';
import { draftLines } from './draft.js';
import { nameWidth } from './entry-lines.js';
import { saidBy } from './list-pane.js';
import { nothingSeen, type Mode, type Results, type View } from './mode.js';
import { cutLine, dim, fill, plain, spread, widthOf, type Line, type Span } from './spans.js';
import { rowsOf, visible } from './viewport.js';

export interface Place {
  readonly width: number;
  readonly height: number;
  readonly coloured: boolean;
  readonly nowMs: number;
}

export interface TalkPane {
  /** As many as there is room for. */
  readonly lines: Line[];
  readonly cursor: { readonly x: number; readonly y: number } | undefined;
  readonly view: View;
}

/** The open conversation: its head, what was said, and what is being written. */
export function talkPane(chat: Chat, { width, height, coloured, nowMs }: Place): TalkPane {
  const rule: Line[] = height >= 8 ? [[dim('─'.repeat(width))]] : [];
  const draft = draftLines(chat.draft, width - 1, Math.max(1, Math.floor(height / 3)));
  const head = [header(chat, width, nowMs), ...rule];
  const foot = [...banner(chat, width), ...rule, ...draft.lines.map((line) => [plain(' '), ...line])];
  const room = Math.max(0, height - head.length - foot.length);
  const { body, view } = bodyOf(chat, { width, height: room, coloured, nowMs });
  // On a screen of a few rows, what is being written is the more important.
  const lines = [...head, ...body, ...foot].slice(-height);
  const cursor = chat.mode.kind === 'compose' ? { x: draft.column + 1, y: lines.length - draft.lines.length + draft.row } : undefined;
  return { lines, cursor, view };
}

/** Where the other is, and the connection. */
function header(chat: Chat, width: number, nowMs: number): Line {
  const { talk, connection, waiting, me } = chat;
  const other = talk && peerOf(talk.conversation, me);
  const says = connectionSays({ connection, waiting, nowMs });
  const here = !talk ? 'no conversation is open' : otherSays({
    other: chat.title(talk.conversation),
    presence: other === undefined ? undefined : chat.client.presence.of(other),
    typing: chat.typing(talk.conversation),
    connection,
    waiting,
    nowMs,
  });
  const left: Line = [plain(' '), { text: here, bold: true }];
  const right: Line = [dim(says), plain(' ')];
  // No room for both: being offline is the more important.
  if (connection.state !== 'connected' && widthOf(left) + widthOf(right) >= width) return cutLine([plain(' '), ...right], width);
  return spread(left, right, width);
}

/** What is done with which message. */
function banner(chat: Chat, width: number): Line[] {
  const { mode, purpose, chosen, about } = chat;
  if (mode.kind === 'react') return [cutLine([plain(' '), ...reactions.map((emoji, at) => plain(`${at + 1} ${emoji}  `))], width)];
  if (mode.kind === 'delete' && chosen?.kind === 'message') return [doing({ text: ' delete it for everyone? ', color: 'red' }, chosen.message, width)];
  if (mode.kind === 'clear') return [cutLine([{ text: ' clear it on all your devices? ', color: 'red' }, dim(chat.title(mode.conversation))], width)];
  if (about?.kind === 'message') return [doing({ text: ' about: ', color: 'cyan' }, about.message, width)];
  if (purpose) {
    const [what, message] = purpose.kind === 'reply' ? [` ↳ to ${purpose.to.from}: `, purpose.to] : [' edit: ', purpose.of];
    return [doing({ text: what, color: 'cyan' }, message, width)];
  }
  return [];
}

function doing(what: Span, message: Message, width: number): Line {
  return cutLine([what, dim(beginning(message, width - columns(what.text)))], width);
}

function beginning(message: Message, room: number): string {
  return isolated(cut(simple(wordsOf(message).words.slice(0, 300)), room));
}

function bodyOf(chat: Chat, place: Place): { body: Line[]; view: View } {
  const { mode } = chat;
  if (mode.kind === 'panel') return panelOf(mode, place);
  if (mode.kind === 'results') return { body: fill(resultLines(chat, mode, place), place.height), view: nothingSeen };
  return said(chat, place);
}

/** What was said, as much as there is room for, the last of it at the bottom. */
function said(chat: Chat, { width, height, coloured, nowMs }: Place): { body: Line[]; view: View } {
  const { talk, me } = chat;
  if (!talk) return { body: fill([[], [dim('  Tab shows the conversations, /open bob begins one')]], height), view: nothingSeen };
  const names = [me, peerOf(talk.conversation, me) ?? 'x'.repeat(12)];
  const look = { width: width - 1, me, nameWidth: nameWidth(names), coloured, find: talk.find.bind(talk) };
  const rows = rowsOf(chat.entries(), talk.isUnread.bind(talk), day(nowMs), look, chat.cache);
  const chosen = chat.chosen?.key;
  const { top, end } = visible(rows, height, chat.bottom, chosen);
  const shown = rows.slice(top, end);
  const seen = shown.reduce((most, row) => Math.max(most, row.seen ?? 0), 0);
  const lines = shown.map(({ line, key }): Line => [chosen !== undefined && key === chosen ? { text: '▌', color: 'cyan' } : plain(' '), ...cutLine(line, width - 1)]);
  return { body: [...Array<Line>(Math.max(0, height - lines.length)).fill([]), ...lines], view: { rows, top, end, height, seen } };
}

function panelOf({ title, lines, from: wanted }: Extract<Mode, { kind: 'panel' }>, { width, height }: Place): { body: Line[]; view: View } {
  const all: Line[] = [[plain(' '), { text: title, bold: true }], [], ...lines.flatMap((line) => wrap(line, width - 1)).map((line) => [plain(` ${line}`)])];
  const from = Math.min(wanted, Math.max(0, all.length - height));
  return { body: fill(all.slice(from), height), view: { ...nothingSeen, from } };
}

/** Of each the conversation and when, and below it who said what. */
function resultLines(chat: Chat, { query, here, found, at }: Results, { width, height, nowMs }: Place): Line[] {
  const where = here === undefined ? '' : `, with ${chat.title(here)}`;
  const title: Line = cutLine([plain(' '), { text: `${found.length} ${found.length === 1 ? 'says' : 'say'} ${simple(query)}${where}`, bold: true }], width);
  const room = Math.max(1, Math.floor((height - 2) / 2));
  const first = Math.max(0, Math.min(at - Math.floor(room / 2), found.length - room));
  const lines = found.slice(first, first + room).flatMap((message, row): Line[] => {
    const mark: Span = first + row === at ? { text: '▌', color: 'cyan' } : plain(' ');
    const when = agoOrTime(message.sentAtMs, nowMs);
    const name: Span = { text: cut(chat.title(message.conversation), Math.max(4, width - when.length - 3)), color: 'cyan' };
    return [spread([mark, name], [dim(when), plain(' ')], width), [mark, plain(isolated(cut(saidBy(chat.me, message), width - 1)))]];
  });
  return [title, [], ...lines];
}
