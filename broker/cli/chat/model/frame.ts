import { isolated, simple } from '../text.js';
import { possible } from './acts.js';
import type { Chat } from './chat.js';
import { chosenOf } from './commands.js';
import { listPane } from './list-pane.js';
import { nothingSeen, type View } from './mode.js';
import { cutLine, dim, fill, plain, widthOf, type Line } from './spans.js';
import { talkPane } from './talk-pane.js';

export interface Size {
  readonly columns: number;
  readonly rows: number;
  readonly coloured: boolean;
}

/** Beside one another: columns of the screen from which on the list is always seen. */
const wide = 80;
const widestList = 34;

/** The whole screen, as it is to be drawn. */
export interface Frame {
  /** One fewer than the terminal has rows, or the last line end would scroll. All of them fit. */
  readonly lines: readonly Line[];
  /** Undefined: nothing is being written. */
  readonly cursor: { readonly x: number; readonly y: number } | undefined;
  readonly view: View;
}

export function frameOf(chat: Chat, { columns, rows, coloured }: Size, nowMs: number): Frame {
  const height = Math.max(1, rows - 2);
  // A line as wide as the screen would wrap on some terminals, and not on others.
  const width = columns - 1;
  const both = columns >= wide;
  const footer = footerOf(chat, width, both);
  if (!both && chat.mode.kind === 'list') return { lines: [...fill(listPane(chat, width, height, nowMs, true), height), footer], cursor: undefined, view: nothingSeen };
  const listWidth = both ? Math.min(widestList, Math.floor(columns * 0.3)) : 0;
  const talk = talkPane(chat, { width: both ? width - listWidth - 1 : width, height, coloured, nowMs });
  if (!both) return { ...talk, lines: [...talk.lines, footer] };
  const list = listPane(chat, listWidth, height, nowMs, false);
  const lines = talk.lines.map((line, row) => beside(list[row] ?? [], line, listWidth));
  return { ...talk, lines: [...lines, footer], cursor: talk.cursor && { ...talk.cursor, x: talk.cursor.x + listWidth + 1 } };
}

/** One line for both: what is invisible takes a column of Ink's where something stands to the right of it. */
function beside(left: Line, right: Line, width: number): Line {
  const bar = !isRule(right) ? '│' : isRule(left) ? '┼' : '├';
  return [...left, dim(`${' '.repeat(Math.max(0, width - widthOf(left)))}${bar}`), ...right];
}

function isRule([first]: Line): boolean {
  return first?.text.startsWith('──') ?? false;
}

/** What there is to say, or else which keys do something. */
function footerOf(chat: Chat, width: number, both: boolean): Line {
  if (chat.notice !== undefined) return cutLine([plain(' '), plain(isolated(simple(chat.notice)))], width);
  const hints = hintsOf(chat, both);
  // What does not fit is in the help.
  while (hints.length > 1 && ` ${hints.join('  ')}`.length > width) hints.splice(hints.length - 2, 1);
  return cutLine([dim(` ${hints.join('  ')}`)], width);
}

function hintsOf(chat: Chat, both: boolean): string[] {
  switch (chat.mode.kind) {
    case 'compose': {
      if (chat.purpose) return ['Enter send', 'Esc give up', '/help'];
      const elsewhere = both ? 0 : chat.unreadElsewhere;
      const keys = ['Enter send', '↑ choose a message', 'Tab conversations', 'Ctrl-C leave', '/help'];
      return elsewhere > 0 ? [`Tab ${elsewhere} unread elsewhere`, ...keys.filter((key) => !key.startsWith('Tab'))] : keys;
    }
    case 'list':
      return listHints(chat, chat.mode.archived === true);
    case 'select': {
      const can = possible(chat.chosen);
      const acts = [can.reply && 'r reply', can.react && 't react', can.edit && 'e edit', can.delete && 'd delete', can.again && 's send again', can.again && 'x discard', can.info && 'i info'];
      return [...acts.filter((act) => act !== false), '↑↓ move', 'Esc back', '? help'];
    }
    case 'react':
      return ['1-8, or type an emoji', 'Esc back'];
    case 'delete':
    case 'clear':
      return ['y yes', 'n no'];
    case 'results':
      return ['↑↓ choose', 'Enter go there', ...(chat.mode.here !== undefined ? ['Tab everywhere'] : chat.talk ? [`Tab only in ${chat.title(chat.talk.conversation)}`] : []), 'Esc back'];
    case 'panel':
      return ['↑↓ move', 'Esc back'];
  }
}

function listHints(chat: Chat, archived: boolean): string[] {
  const at = chosenOf(chat);
  const info = at === undefined ? undefined : chat.list.get(at);
  const acts = info ? [info.mutedUntilMs > 0 ? 'm unmute' : 'm mute', info.pinned ? 'p unpin' : 'p pin', info.archived ? 'a unarchive' : 'a archive'] : [];
  return ['↑↓ choose', 'Enter open', ...(chat.talk || archived ? ['Esc back'] : []), '/open someone', ...acts, 'Ctrl-C leave', '? help'];
}
