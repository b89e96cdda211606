import type { Message } from 'godwit-client';
import { day } from '../../times.js';
import { entryLines, type Look } from './entry-lines.js';
import { dim, plain, type Line } from './spans.js';
import type { Entry } from './talk.js';

/** A row of the conversation, and the entry that it is of. */
export interface Row {
  readonly line: Line;
  /** Undefined: it stands between entries. */
  readonly key: string | undefined;
  /** The place of a message of someone else whose last row this is. */
  readonly seen?: number;
}

/** The row that stands at the bottom; undefined: the last one, whatever comes. */
export type Bottom = { readonly key: string; readonly row: number } | undefined;

/** What is drawn again and again is wrapped once. */
export class RowCache {
  #rows = new WeakMap<object, { for: string; quoted: unknown; lines: Line[] }>();

  of(entry: Entry, look: Look): Line[] {
    // What waits changes in place, and there is little of it.
    if (entry.kind === 'waiting') return entryLines(entry, look);
    const quoted = entry.kind === 'message' && entry.message.replyTo ? look.find(entry.message.replyTo) : undefined;
    const wanted = `${look.width} ${look.nameWidth} ${look.coloured}`;
    const known = this.#rows.get(entry);
    if (known && known.for === wanted && known.quoted === quoted) return known.lines;
    const lines = entryLines(entry, look);
    this.#rows.set(entry, { for: wanted, quoted, lines });
    return lines;
  }
}

/** All rows of a conversation: its entries, and between them where a day began and where one came in. */
export function rowsOf(entries: readonly Entry[], isUnread: (message: Message) => boolean, today: string, look: Look, cache: RowCache): Row[] {
  const rows: Row[] = [];
  let date = today;
  let cameIn = false;
  for (const entry of entries) {
    const message = entry.kind === 'message' ? entry.message : undefined;
    const dateOf = message && day(message.sentAtMs);
    if (dateOf !== undefined && dateOf !== date) {
      date = dateOf;
      rows.push(between(date, look.width));
    }
    if (message && !cameIn && isUnread(message)) {
      cameIn = true;
      rows.push(between('unread', look.width));
    }
    const lines = cache.of(entry, look);
    const seen = message && !message.own ? { seen: message.seq } : undefined;
    lines.forEach((line, at) => rows.push({ line, key: entry.key, ...(at === lines.length - 1 && seen) }));
  }
  return rows;
}

function between(text: string, width: number): Row {
  return { line: [dim('── '), plain(text), dim(` ${'─'.repeat(Math.max(0, width - text.length - 4))}`)], key: undefined };
}

/**
 * The rows that are seen: as many as fit, with the chosen entry among them.
 * @returns where they begin and end, of all rows
 */
export function visible(rows: readonly Row[], height: number, bottom: Bottom, chosen: string | undefined): { top: number; end: number } {
  let end = rows.length;
  if (bottom) {
    const first = rows.findIndex(({ key }) => key === bottom.key);
    if (first !== -1) end = Math.min(first + bottom.row + 1, lastOf(rows, bottom.key) + 1);
  }
  if (chosen !== undefined) {
    const first = rows.findIndex(({ key }) => key === chosen);
    if (first !== -1) {
      end = Math.max(end, Math.min(lastOf(rows, chosen) + 1, first + height));
      end = Math.min(end, first + height);
    }
  }
  end = Math.min(rows.length, Math.max(end, height));
  return { top: Math.max(0, end - height), end };
}

/** As `visible` takes it: this row at the bottom. The last row of all is followed. */
export function bottomAt(rows: readonly Row[], end: number): Bottom {
  if (end >= rows.length) return undefined;
  for (let at = Math.max(0, end - 1); at < rows.length; at++) {
    const { key } = rows[at];
    if (key !== undefined) return { key, row: at - rows.findIndex((row) => row.key === key) };
  }
  return undefined;
}

function lastOf(rows: readonly Row[], key: string): number {
  return rows.findLastIndex((row) => row.key === key);
}
