import type { Message, Reference, SentState } from 'godwit-client';
import { pad } from '../../table.js';
import { clock } from '../../times.js';
import { gapText } from '../gap.js';
import { columns, cut, harmless, isolated, simple, wrap } from '../text.js';
import { wordsOf } from '../words.js';
import { dim, plain, widthOf, type Line, type Span } from './spans.js';
import type { Entry, WaitingEntry } from './talk.js';

/** Columns of a name; a longer one is cut. */
const longestName = 16;
/** Narrower than this beside the name, the text goes below it. */
const narrowest = 20;

export interface Look {
  /** Columns that may be used. */
  readonly width: number;
  readonly me: string;
  /** Columns of the names that stand beside what is said. */
  readonly nameWidth: number;
  /** Without colours, read ticks are bold ones. */
  readonly coloured: boolean;
  /** The message that another one answers. */
  find(reference: Reference): Message | undefined;
}

export function nameWidth(names: readonly string[]): number {
  return Math.min(longestName, Math.max(...names.map((name) => name.length)));
}

/** What an entry looks like. */
export function entryLines(entry: Entry, look: Look): Line[] {
  if (entry.kind === 'gap') return noted(gapText(entry.gap), look);
  if (entry.kind === 'message' && entry.message.content.kind === 'event') return noted(harmless(wordsOf(entry.message).words), look);
  return entry.kind === 'waiting' ? waitingLines(entry, look) : messageLines(entry.message, look);
}

function noted(text: string, { width }: Look): Line[] {
  return wrap(text, width - 2).map((line, row) => [dim(isolated(`${row === 0 ? '- ' : '  '}${line}`))]);
}

function messageLines(message: Message, look: Look): Line[] {
  const { words, own } = wordsOf(message);
  const textWidth = bodyWidth(look);
  const body: Line[] = [
    ...quote(message.replyTo, look, textWidth),
    ...wrap(harmless(words), textWidth).map((line) => [own ? plain(isolated(line)) : dim(isolated(line))]),
  ];
  if (message.editedAtMs !== undefined && message.content.kind !== 'deleted') append(body, ' (edited)', textWidth);
  if (message.reactions.length > 0) body.push(...reactionLines(message, look.me, textWidth));
  return beside(message.sentAtMs, message.own ? (message.tick ?? 'sent') : undefined, message.from, body, look);
}

function waitingLines({ sent, text, replyTo, atMs }: WaitingEntry, look: Look): Line[] {
  const textWidth = bodyWidth(look);
  const body: Line[] = [
    ...quote(replyTo, look, textWidth),
    ...(text === undefined ? [[dim('(a change of another message)')]] : wrap(harmless(text), textWidth).map((line) => [plain(isolated(line))])),
  ];
  if (sent.state === 'failed') body.push(...wrap(`not sent: ${harmless(sent.error?.message ?? 'refused')}`, textWidth).map((line): Line => [{ text: line, color: 'red' }]));
  return beside(sent.sentAtMs ?? atMs, sent.state, look.me, body, look);
}

/** Columns before the text: time, tick, name. */
function indent({ nameWidth }: Look): number {
  return 5 + 1 + 2 + 1 + nameWidth + 2;
}

function bodyWidth(look: Look): number {
  const left = look.width - indent(look);
  return Math.max(2, left >= narrowest ? left : look.width - 2);
}

/** Who said it and when, and beside it (or below, where it is narrow) what. */
function beside(atMs: number, state: SentState | undefined, from: string, body: readonly Line[], look: Look): Line[] {
  const name: Span = { text: pad(cut(from, longestName), look.nameWidth), color: from === look.me ? 'green' : 'cyan' };
  const head: Line = [dim(atMs === 0 ? '     ' : clock(atMs)), plain(' '), tick(state, look.coloured), plain(' '), name];
  if (look.width - indent(look) < narrowest) return [head, ...body.map((line) => [plain('  '), ...line])];
  return body.map((line, row) => (row === 0 ? [...head, plain('  '), ...line] : [plain(' '.repeat(indent(look))), ...line]));
}

function quote(reference: Reference | undefined, look: Look, width: number): Line[] {
  if (!reference) return [];
  const message = look.find(reference);
  const words = message ? simple(wordsOf(message).words.slice(0, 300)) : 'an earlier message';
  return [[dim(isolated(cut(`↳ ${simple(reference.from)}: ${words}`, width)))]];
}

/** Behind the last line if there is room, below it if not. */
function append(body: Line[], text: string, width: number): void {
  const last = body[body.length - 1];
  if (widthOf(last) + text.length <= width) body[body.length - 1] = [...last, dim(text)];
  else body.push([dim(text.trimStart())]);
}

/** Own ones are bold. */
function reactionLines({ reactions }: Message, me: string, width: number): Line[] {
  const shown = reactions.map(({ emoji, users }) => ({ text: `${harmless(emoji).replaceAll('\n', ' ')} ${users.length}`, own: users.includes(me) }));
  const lines: Span[][] = [[]];
  let used = 0;
  for (const { text, own } of shown) {
    const wide = columns(text) + 2;
    if (used + wide > width && used > 0) {
      lines.push([]);
      used = 0;
    }
    lines[lines.length - 1].push(own ? { text: cut(text, width), bold: true } : plain(cut(text, width)), plain('  '));
    used += wide;
  }
  return lines;
}

/** Two columns. */
export function tick(state: SentState | undefined, coloured: boolean): Span {
  switch (state) {
    case undefined:
      return plain('  ');
    case 'queued':
      return dim('· ');
    case 'sent':
      return dim('✓ ');
    case 'delivered':
      return dim('✓✓');
    case 'read':
      return coloured ? { text: '✓✓', color: 'blueBright' } : plain('✔✔');
    case 'failed':
      return { text: '✗ ', color: 'red' };
  }
}
