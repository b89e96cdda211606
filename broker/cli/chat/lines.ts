import type { SentState } from 'godwit-client';
import { pad } from '../table.js';
import { clock, day } from '../times.js';
import type { Paint } from './paint.js';
import { harmless, wrap } from './text.js';
import type { Item, MessageItem } from './transcript.js';

/** Columns of a name; a longer one is cut. */
const longestName = 16;
/** Narrower than this beside the name, the text goes below it. */
const narrowest = 20;

export interface Look {
  readonly paint: Paint;
  /** Columns that may be used. */
  readonly width: number;
  /** Columns of the longer of the two names. */
  readonly nameWidth: number;
}

/** How wide the names are that stand beside what is said. */
export function nameWidth(names: readonly string[]): number {
  return Math.min(longestName, Math.max(...names.map((name) => name.length)));
}

/** An item as lines of the terminal; a new day is said before it. @param dayBefore of the message before it */
export function itemLines(item: Item, dayBefore: string, look: Look): string[] {
  if (item.kind === 'note') return wrap(harmless(item.text), look.width - 2).map((line, row) => look.paint.dim(`${row === 0 ? '- ' : '  '}${line}`));
  const lines = messageLines(item, look);
  const today = dayOf(item);
  return today === undefined || today === dayBefore ? lines : [look.paint.dim(today), ...lines];
}

/** The day of a message, where it is known. */
export function dayOf(item: Item): string | undefined {
  return item.kind === 'message' && item.atMs > 0 ? day(item.atMs) : undefined;
}

function messageLines(item: MessageItem, { paint, width, nameWidth }: Look): string[] {
  const text = harmless(item.text);
  const name = pad(item.from.length > longestName ? `${item.from.slice(0, longestName - 1)}…` : item.from, nameWidth);
  const time = item.atMs === 0 ? '     ' : clock(item.atMs);
  const head = `${paint.dim(time)} ${tick(item.state, paint)} ${item.own ? paint.me(name) : paint.other(name)}`;
  const failed = item.state === 'failed' ? [paint.bad(`not sent: ${item.error ?? 'refused'}`)] : [];
  const indent = time.length + 1 + 2 + 1 + nameWidth + 2;
  const beside = width - indent >= narrowest;
  const body = [...wrap(text, beside ? width - indent : width - 2), ...failed];
  if (!beside) return [head, ...body.map((line) => `  ${line}`)];
  return body.map((line, row) => (row === 0 ? `${head}  ${line}` : `${' '.repeat(indent)}${line}`));
}

/** Two columns. Without colours, read ticks are bold ones. */
export function tick(state: SentState | undefined, paint: Paint): string {
  switch (state) {
    case undefined:
      return '  ';
    case 'queued':
      return '· ';
    case 'sent':
      return '✓ ';
    case 'delivered':
      return '✓✓';
    case 'read':
      return paint.coloured ? paint.read('✓✓') : '✔✔';
    case 'failed':
      return paint.bad('✗ ');
  }
}
