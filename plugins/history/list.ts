import { Code, limits, type RequestOf } from 'godwit-schemas';
import type { Caller, PluginContext } from '../../broker/ports/plugin.js';
import { encodePage, readPage } from './page.js';
import { clip, piecesOf } from './pieces.js';
import { refuse, viewOf } from './view.js';

/**
 * `history.list`.
 * @returns an encoded HistoryListResponse. @throws RefusedError
 */
export async function listHistory({ storage, now }: Pick<PluginContext, 'storage' | 'now'>, caller: Caller, { conversation, before, after, limit }: RequestOf<'history.list'>): Promise<Uint8Array> {
  if (before !== 0n && after !== undefined) refuse(Code.MALFORMED, 'a page lies before a place or after one');
  const { log } = storage;
  const { head, windows } = await viewOf(log, caller.user, conversation);
  const { clearedTo } = await storage.conversationSettings.get(caller.user, conversation);
  const pieces = piecesOf(windows, head, await log.holes(conversation), clearedTo);
  const { messages, more } = await readPage(log, {
    conversation,
    pieces: clip(pieces, Number(after ?? 0n) + 1, before === 0n ? Infinity : Number(before) - 1),
    backwards: after === undefined,
    limit: Math.min(limit || limits.historyPage.value, limits.historyPage.value),
    clientId: clientIdOf(caller),
    nowMs: now(),
  });
  return encodePage(messages, more);
}

/** `user:device`, as bodies of devices are named; without a device where a caller at the HTTP door names none. */
export function clientIdOf({ user, session, device }: Caller): string {
  return `${user}:${session?.device ?? device ?? ''}`;
}
