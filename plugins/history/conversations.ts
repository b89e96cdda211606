import { Code, limits, parseConversation, type RequestOf } from 'godwit-schemas';
import type { ConversationLog, Entry, LogHead, MaybePromise, OwnCount, Window } from '../../broker/ports/conversation-log.js';
import { NOTHING_SET, type ConversationSetting } from '../../broker/ports/conversation-settings.js';
import { messageForDevice } from '../../broker/ports/delivered.js';
import type { Caller } from '../../broker/ports/plugin.js';
import { Slices } from '../../broker/ports/slices.js';
import type { Storage } from '../../broker/ports/storage.js';
import { clientIdOf } from './list.js';
import { ListWriter, type Summary } from './list-writer.js';
import { entryFrom, newestMessage } from './newest.js';
import type { Counts, UnreadCounts } from './unread.js';
import { refuse } from './view.js';
import { withValue } from './with-value.js';

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
  // A user may have thousands.
  const slices = new Slices();
  const listed: Listed[] = [];
  for (const name of names) {
    const pause = slices.pause();
    if (pause) await pause;
    const looked = name.startsWith('u:') ? undefined : look(storage, caller.user, name, settings.get(name) ?? NOTHING_SET, nowMs);
    const one = looked instanceof Promise ? await looked : looked;
    if (one && (!behind || compare(behind, one) < 0)) listed.push(one);
  }
  listed.sort(compare);
  const most = Math.min(limit || limits.conversationsPage.value, limits.conversationsPage.value, listed.length);
  const page = new ListWriter(most);
  while (page.count < most) {
    const pause = slices.pause();
    if (pause) await pause;
    const summary = summaryOf(storage, unread, caller, listed[page.count]);
    if (!page.add(summary instanceof Promise ? await summary : summary)) break;
  }
  const end = page.count < listed.length ? listed[page.count - 1] : undefined;
  return page.finish(end ? `${end.atMs} ${end.conversation}` : '');
}

type Asked = readonly [LogHead | undefined, OwnCount, readonly Window[]];

function look({ log }: Pick<Storage, 'log'>, user: string, conversation: string, setting: ConversationSetting, nowMs: number): MaybePromise<Listed | undefined> {
  // Asked for in one turn: the three belong together.
  const asked = [log.head(conversation), log.ownOf(conversation, user), log.windowsOf(conversation, user)] as const;
  const next = (answers: Asked): MaybePromise<Listed | undefined> => lookWith(log, conversation, answers, setting, nowMs);
  return asked.some((one) => one instanceof Promise) ? Promise.all(asked).then(next) : next(asked as Asked);
}

function lookWith(log: ConversationLog, conversation: string, [head, own, windows]: Asked, setting: ConversationSetting, nowMs: number): MaybePromise<Listed | undefined> {
  if (!head || windows.length === 0) return undefined;
  const end = Math.min(head.head, windows[windows.length - 1].to);
  return withValue(newestMessage(log, conversation, head, windows, setting.clearedTo, nowMs), (last) => {
    // Without a message its newest event counts: a new group stands where it was made.
    const newest = last ?? (end < head.first ? undefined : entryFrom(log, conversation, end));
    return withValue(newest, (entry) => ({ conversation, head, own, windows, end, setting, last, atMs: entry?.sentAtMs ?? 0 }));
  });
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

function summaryOf({ cursors }: Pick<Storage, 'cursors'>, unread: UnreadCounts, caller: Caller, one: Listed): MaybePromise<Summary> {
  const { conversation, end: head, setting, last } = one;
  return withValue(cursors.user(caller.user, conversation), ({ read }) =>
    withValue(unread.behind(caller.user, conversation, one, Math.max(read, setting.clearedTo)), (count) => ({
      ...{ conversation, head, read, unread: count, setting },
      last: last && (messageForDevice(last, clientIdOf(caller)) ?? last.buffer.subarray(last.start, last.end)),
    })),
  );
}
