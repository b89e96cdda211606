import { peerOf } from 'godwit-schemas';
import { State, type ConversationInfo, type Message } from 'godwit-client';
import { clock, day } from '../../times.js';
import { connectionSays } from '../status.js';
import { columns, cut, isolated, simple } from '../text.js';
import { wordsOf } from '../words.js';
import type { Chat } from './chat.js';
import { chosenOf } from './commands.js';
import { archivedRow, pointedOut } from './conversations.js';
import { cutLine, dim, plain, spread, type Line, type Span } from './spans.js';

/** The conversations: of each its name, when something was said, how that begins, and how much of it is unread. */
export function listPane(chat: Chat, width: number, height: number, nowMs: number, alone: boolean): Line[] {
  const { mode, list, talk } = chat;
  const choosing = mode.kind === 'list';
  const archived = choosing && mode.archived === true;
  const connection = alone ? [dim(connectionSays({ connection: chat.connection, waiting: chat.waiting, nowMs }))] : [];
  const title: Line = [plain(' '), { text: chat.me, bold: true }, ...(archived ? [dim(', archived')] : [])];
  const head: Line[] = [spread(title, [...connection, plain(' ')], width), [dim('─'.repeat(width))]];
  const all = list.list(archived);
  const hidden = archived ? [] : list.list(true);
  const marked = choosing ? chosenOf(chat) : talk?.conversation;
  const foot: Line[] = hidden.length === 0 ? [] : [archivedLine(hidden, markOf(hidden.some(({ conversation }) => conversation === marked) || marked === archivedRow, choosing), width)];
  const room = Math.max(1, Math.floor((height - head.length - foot.length) / 2));
  const at = marked === archivedRow ? all.length : all.findIndex(({ conversation }) => conversation === marked);
  const first = Math.max(0, Math.min(at - Math.floor(room / 2), all.length - room));
  const items = all.slice(first, first + room).flatMap((info) => itemLines(chat, info, markOf(info.conversation === marked, choosing), width, nowMs));
  const empty: Line[] = all.length > 0 || foot.length > 0 ? [] : [cutLine([dim(archived ? ' nothing is archived' : ' nothing yet: /open someone')], width)];
  return [...head, ...empty, ...items, ...foot].slice(0, height);
}

/** What stands before that which is chosen, or open. */
function markOf(marked: boolean, choosing: boolean): Span {
  return !marked ? plain(' ') : choosing ? { text: '▌', color: 'cyan' } : dim('▌');
}

/** How many are put away, and what is unread in them. */
function archivedLine(hidden: readonly ConversationInfo[], mark: Span, width: number): Line {
  const unread = hidden.reduce((sum, info) => sum + info.unread, 0);
  return spread([mark, dim(`archived: ${hidden.length}`)], unread > 0 ? [dim(`${unread}`), plain(' ')] : [], width);
}

function itemLines(chat: Chat, info: ConversationInfo, mark: Span, width: number, nowMs: number): Line[] {
  const { conversation, last, unread } = info;
  const other = peerOf(conversation, chat.me);
  const online = other !== undefined && other !== chat.me && chat.connection.state === 'connected' && chat.client.presence.of(other)?.state === State.ONLINE;
  const when = last ? timeOf(last.sentAtMs, nowMs) : '';
  const dot: Line = online ? [plain(' '), { text: '●', color: 'green' }] : [];
  const signs = signsOf(info);
  const loud = unread > 0 && pointedOut(info);
  const name: Span = { text: cut(chat.title(conversation), Math.max(4, width - when.length - 6 - columns(signs))), bold: loud };
  const count: Line = unread === 0 ? [plain(' ')] : [loud ? { text: ` ${unread}`, color: 'cyan', bold: true } : dim(` ${unread}`), plain(' ')];
  const room = width - 2 - count.reduce((sum, span) => sum + columns(span.text), 0);
  return [spread([mark, name, ...dot, plain(signs)], [dim(when), plain(' ')], width), spread([mark, dim(isolated(cut(beginning(chat, info), room)))], count, width)];
}

/** Each is two columns wide on every terminal. */
function signsOf({ pinned, mutedUntilMs }: ConversationInfo): string {
  return `${pinned ? ' 📌' : ''}${mutedUntilMs > 0 ? ' 🔇' : ''}`;
}

/** How the last message begins. */
function beginning(chat: Chat, { conversation, last }: ConversationInfo): string {
  const typing = chat.typing(conversation);
  if (typing !== undefined) return peerOf(conversation, chat.me) === undefined ? `${typing} is typing…` : 'is typing…';
  return last ? saidBy(chat.me, last) : '';
}

/** How a message begins, and who says so where that is not plain. */
export function saidBy(me: string, message: Message): string {
  const { conversation, own, from, content } = message;
  const who = own ? 'you: ' : from !== '' && content.kind !== 'event' && peerOf(conversation, me) === undefined ? `${from}: ` : '';
  return simple(`${who}${wordsOf(message).words.slice(0, 300)}`);
}

function timeOf(atMs: number, nowMs: number): string {
  return day(atMs) === day(nowMs) ? clock(atMs) : day(atMs).slice(5);
}
