import { peerOf } from 'godwit-schemas';
import { State, type ConversationInfo } from 'godwit-client';
import { clock, day } from '../../times.js';
import { connectionSays } from '../status.js';
import { columns, cut, isolated, simple } from '../text.js';
import { wordsOf } from '../words.js';
import type { Chat } from './chat.js';
import { chosenOf } from './commands.js';
import { cutLine, dim, plain, spread, type Line, type Span } from './spans.js';

/** The conversations: of each its name, when something was said, how that begins, and how much of it is unread. */
export function listPane(chat: Chat, width: number, height: number, nowMs: number, alone: boolean): Line[] {
  const connection = alone ? [dim(connectionSays({ connection: chat.connection, waiting: chat.waiting, nowMs }))] : [];
  const head: Line[] = [spread([plain(' '), { text: chat.me, bold: true }], [...connection, plain(' ')], width), [dim('─'.repeat(width))]];
  const all = chat.list.list();
  const marked = chat.mode.kind === 'list' ? chosenOf(chat) : chat.talk?.conversation;
  const room = Math.max(1, Math.floor((height - head.length) / 2));
  const at = all.findIndex(({ conversation }) => conversation === marked);
  const first = Math.max(0, Math.min(at - Math.floor(room / 2), all.length - room));
  const items = all.slice(first, first + room).flatMap((info) => itemLines(chat, info, info.conversation === marked, width, nowMs));
  const empty: Line[] = all.length === 0 ? [cutLine([dim(' nothing yet: /open someone')], width)] : [];
  return [...head, ...empty, ...items].slice(0, height);
}

function itemLines(chat: Chat, info: ConversationInfo, marked: boolean, width: number, nowMs: number): Line[] {
  const { conversation, last, unread } = info;
  const mark: Span = !marked ? plain(' ') : chat.mode.kind === 'list' ? { text: '▌', color: 'cyan' } : dim('▌');
  const other = peerOf(conversation, chat.me);
  const online = other !== undefined && other !== chat.me && chat.connection.state === 'connected' && chat.client.presence.of(other)?.state === State.ONLINE;
  const when = last ? timeOf(last.sentAtMs, nowMs) : '';
  const dot: Line = online ? [plain(' '), { text: '●', color: 'green' }] : [];
  const name: Span = { text: cut(chat.title(conversation), Math.max(4, width - when.length - 6)), bold: unread > 0 };
  const count: Line = unread > 0 ? [{ text: ` ${unread}`, color: 'cyan', bold: true }, plain(' ')] : [plain(' ')];
  const room = width - 2 - count.reduce((sum, span) => sum + columns(span.text), 0);
  return [spread([mark, name, ...dot], [dim(when), plain(' ')], width), spread([mark, dim(isolated(cut(beginning(chat, info), room)))], count, width)];
}

/** How the last message begins. */
function beginning(chat: Chat, { conversation, last }: ConversationInfo): string {
  const typing = chat.typing(conversation);
  if (typing !== undefined) return peerOf(conversation, chat.me) === undefined ? `${typing} is typing…` : 'is typing…';
  if (!last) return '';
  const from = last.own ? 'you: ' : last.from !== '' && last.content.kind !== 'event' && peerOf(conversation, chat.me) === undefined ? `${last.from}: ` : '';
  return simple(`${from}${wordsOf(last).words.slice(0, 200)}`);
}

function timeOf(atMs: number, nowMs: number): string {
  return day(atMs) === day(nowMs) ? clock(atMs) : day(atMs).slice(5);
}
