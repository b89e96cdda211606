import type { ConversationInfo, ConversationSettings } from 'godwit-client';
import { agoOrTime } from '../../times.js';
import type { Chat } from './chat.js';

const hourMs = 3_600_000;
const unitsMs: ReadonlyMap<string, number> = new Map([['h', hourMs], ['d', 24 * hourMs], ['w', 7 * 24 * hourMs]]);

/** `/mute 8h`, `/mute off`; nothing: for ever. */
export async function muteFor(chat: Chat, argument: string): Promise<void> {
  const conversation = openOne(chat);
  const untilMs = muteUntil(argument, chat.client.serverTimeMs());
  if (conversation === undefined) return;
  if (untilMs === undefined) return chat.note('/mute takes how long, as 8h, 2d or 1w, or off; alone it is for ever');
  await setOf(chat, conversation, { mutedUntilMs: untilMs });
}

/** Until when, Unix milliseconds: `Infinity` for ever, 0 not at all. undefined: that is no time. */
export function muteUntil(argument: string, nowMs: number): number | undefined {
  if (argument === '') return Infinity;
  if (argument === 'off') return 0;
  const [, count, unit] = /^([1-9]\d{0,3})\s*([hdw])$/.exec(argument) ?? [];
  return unit === undefined ? undefined : nowMs + Number(count) * unitsMs.get(unit)!;
}

/** Of the open conversation. */
export async function setOpen(chat: Chat, settings: ConversationSettings): Promise<void> {
  const conversation = openOne(chat);
  if (conversation !== undefined) await setOf(chat, conversation, settings);
}

/** On all devices of the user: here at once, and with the server as soon as that can be, which the client sees to. */
export async function setOf(chat: Chat, conversation: string, settings: ConversationSettings): Promise<void> {
  if (isBlank(chat, conversation)) return chat.note('nothing was said here yet');
  await chat.client.setConversation(conversation, settings);
  const later = chat.client.connection === 'connected' ? '' : '; your other devices hear of it when there is a connection';
  chat.note(`${chat.title(conversation)} is ${saying(settings, chat.client.serverTimeMs())}${later}`);
}

function saying({ mutedUntilMs, archived, pinned }: ConversationSettings, nowMs: number): string {
  if (mutedUntilMs !== undefined) return mutedUntilMs === 0 ? 'not muted any more' : muted(mutedUntilMs, nowMs);
  if (archived !== undefined) return archived ? 'archived, and stays so when something comes; /archived shows it' : 'not archived any more';
  return pinned ? 'pinned' : 'not pinned any more';
}

function muted(untilMs: number, nowMs: number): string {
  return untilMs === Infinity ? 'muted' : `muted until ${agoOrTime(untilMs, nowMs)}`;
}

/** What is set of it, in words; nothing: an empty text. */
export function settingsWords({ mutedUntilMs, archived, pinned }: ConversationInfo, nowMs: number): string {
  return [pinned && 'pinned', mutedUntilMs > 0 && muted(mutedUntilMs, nowMs), archived && 'archived'].filter((one) => one !== false).join(', ');
}

/** Asks first: what is cleared does not come back. */
export function askClear(chat: Chat): void {
  const conversation = openOne(chat);
  if (conversation === undefined) return;
  if (isBlank(chat, conversation)) return chat.note('nothing was said here yet');
  if (chat.client.connection !== 'connected') return chat.note('/clear needs a connection: later it would clear too what comes meanwhile');
  chat.mode = { kind: 'clear', conversation };
}

export async function clear(chat: Chat, conversation: string): Promise<void> {
  await chat.client.clearConversation(conversation);
  chat.note(`${chat.title(conversation)} is cleared`);
}

/** The server knows no conversation in which nothing was said. */
function isBlank({ client, list }: Chat, conversation: string): boolean {
  const info = list.get(conversation);
  return (info?.seq ?? 0) === 0 && !info?.last && client.connection === 'connected' && client.outbox().every((sent) => sent.conversation !== conversation);
}

/** undefined: none is open, which is said. */
function openOne(chat: Chat): string | undefined {
  if (!chat.talk) chat.note('no conversation is open: open one first');
  return chat.talk?.conversation;
}
