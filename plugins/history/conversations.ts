import { setImmediate as otherWork } from 'node:timers/promises';
import { Code, ConversationSummarySchema, create, limits, parseConversation, toBinary, varintSize, writeVarint, type RequestOf } from 'godwit-schemas';
import type { Entry } from '../../broker/ports/conversation-log.js';
import { NOTHING_SET, type ConversationSetting } from '../../broker/ports/conversation-settings.js';
import { messageForDevice } from '../../broker/ports/delivered.js';
import type { Caller } from '../../broker/ports/plugin.js';
import type { Storage } from '../../broker/ports/storage.js';
import { clientIdOf } from './list.js';
import { entryFrom, newestMessage } from './newest.js';
import { shownState } from './settings.js';
import type { Counts, UnreadCounts } from './unread.js';
import { refuse } from './view.js';

/** Conversations looked at before other work has its turn: a user may have thousands. */
const TURN = 64;

/** A conversation of a list, and what its place there goes by. */
interface Listed extends Counts {
  readonly conversation: string;
  /** The newest place that is theirs. */
  readonly end: number;
  readonly setting: ConversationSetting;
  readonly last: Entry | undefined;
  readonly atMs: number;
}

/**
 * `conversations.list`.
 * @returns an encoded ConversationsListResponse. @throws RefusedError
 */
export async function listConversations(storage: Storage, unread: UnreadCounts, caller: Caller, { after, limit }: RequestOf<'conversations.list'>, nowMs: number): Promise<Uint8Array> {
  const behind = after === '' ? undefined : parseAfter(after);
  const [names, settings] = await Promise.all([storage.log.conversationsOf(caller.user), storage.conversationSettings.ofUser(caller.user)]);
  const listed: Listed[] = [];
  for (const [i, name] of names.entries()) {
    if (i % TURN === TURN - 1) await otherWork();
    const one = name.startsWith('u:') ? undefined : await look(storage, caller.user, name, settings.get(name) ?? NOTHING_SET, nowMs);
    if (one && (!behind || compare(behind, one) < 0)) listed.push(one);
  }
  listed.sort(compare);
  const most = Math.min(limit || limits.conversationsPage.value, limits.conversationsPage.value);
  const summaries: Uint8Array[] = [];
  let bytes = 0;
  for (const [i, one] of listed.slice(0, most).entries()) {
    if (i % TURN === TURN - 1) await otherWork();
    const summary = await summaryOf(storage, unread, caller, one);
    if (summaries.length > 0 && bytes + summary.length > limits.conversationsPageBytes.value) break;
    summaries.push(summary);
    bytes += summary.length;
  }
  const end = summaries.length < listed.length ? listed[summaries.length - 1] : undefined;
  return encodeList(summaries, end ? `${end.atMs} ${end.conversation}` : '');
}

async function look({ log }: Pick<Storage, 'log'>, user: string, conversation: string, setting: ConversationSetting, nowMs: number): Promise<Listed | undefined> {
  // Asked for in one turn: the three belong together.
  const [head, own, windows] = await Promise.all([log.head(conversation), log.ownOf(conversation, user), log.windowsOf(conversation, user)]);
  if (!head || windows.length === 0) return undefined;
  const end = Math.min(head.head, windows[windows.length - 1].to);
  const last = await newestMessage(log, conversation, head, windows, setting.clearedTo, nowMs);
  // Without a message its newest event counts: a new group stands where it was made.
  const atMs = (last ?? (end < head.first ? undefined : await entryFrom(log, conversation, end)))?.sentAtMs ?? 0;
  return { conversation, head, own, windows, end, setting, last, atMs };
}

/** Newest first; of one time, by name. */
function compare(a: Pick<Listed, 'atMs' | 'conversation'>, b: Pick<Listed, 'atMs' | 'conversation'>): number {
  return b.atMs - a.atMs || (a.conversation < b.conversation ? -1 : a.conversation > b.conversation ? 1 : 0);
}

function parseAfter(after: string): Pick<Listed, 'atMs' | 'conversation'> {
  const space = after.indexOf(' ');
  const conversation = after.slice(space + 1);
  if (!/^\d{1,16} /.test(after) || !parseConversation(conversation)) refuse(Code.MALFORMED, 'after must be what an answer gave as next');
  return { atMs: Number(after.slice(0, space)), conversation };
}

/** An encoded ConversationSummary, the last message in it as it lies in the log. */
async function summaryOf({ cursors }: Pick<Storage, 'cursors'>, unread: UnreadCounts, caller: Caller, one: Listed): Promise<Uint8Array> {
  const { conversation, end, setting, last } = one;
  const { read } = await cursors.user(caller.user, conversation);
  const count = await unread.behind(caller.user, conversation, one, Math.max(read, setting.clearedTo));
  const summary = create(ConversationSummarySchema, { conversation, head: BigInt(end), read: BigInt(read), unread: BigInt(count), state: shownState(conversation, setting) });
  const bytes = toBinary(ConversationSummarySchema, summary);
  if (!last) return bytes;
  return concat([bytes, ...field(LAST_TAG, messageForDevice(last, clientIdOf(caller)) ?? last.buffer.subarray(last.start, last.end))]);
}

const CONVERSATIONS_TAG = (1 << 3) | 2;
const NEXT_TAG = (2 << 3) | 2;
const LAST_TAG = (6 << 3) | 2;

/** A ConversationsListResponse. */
function encodeList(summaries: readonly Uint8Array[], next: string): Uint8Array {
  const parts = summaries.flatMap((summary) => field(CONVERSATIONS_TAG, summary));
  return concat(next === '' ? parts : [...parts, ...field(NEXT_TAG, Buffer.from(next))]);
}

function field(tag: number, value: Uint8Array): [Uint8Array, Uint8Array] {
  const head = new Uint8Array(1 + varintSize(value.length));
  head[0] = tag;
  writeVarint(head, 1, value.length);
  return [head, value];
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
