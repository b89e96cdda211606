import { Code, parseConversation } from 'godwit-schemas';
import type { ConversationLog, LogHead, Window } from '../../broker/ports/conversation-log.js';
import { RefusedError } from '../../broker/ports/plugin.js';

/** @throws RefusedError */
export function refuse(code: Code, text: string): never {
  throw new RefusedError({ code, text });
}

/** What of a conversation is someone's. */
export interface View {
  readonly head: LogHead;
  /** At least one. */
  readonly windows: readonly Window[];
}

/** @throws RefusedError MALFORMED, UNKNOWN_CONVERSATION where the user never was in it */
export async function viewOf(log: ConversationLog, user: string, conversation: string): Promise<View> {
  if (!parseConversation(conversation)) refuse(Code.MALFORMED, 'conversation must be the name of a conversation');
  // The head first: who is removed afterwards has a window that ends behind it, or at the right place before it.
  const head = await log.head(conversation);
  const windows = await log.windowsOf(conversation, user);
  if (!head || windows.length === 0) refuse(Code.UNKNOWN_CONVERSATION, 'there is no such conversation of yours');
  return { head, windows };
}

/** Whether the place is theirs. */
export function holds({ head, windows }: View, seq: bigint): boolean {
  return seq > 0n && seq <= BigInt(head.head) && windows.some(({ from, to }) => Number(seq) >= from && Number(seq) <= to);
}

/** As `viewOf`, of what stands in lists: the feed does not. @throws RefusedError */
export function listedViewOf(log: ConversationLog, user: string, conversation: string): Promise<View> {
  if (parseConversation(conversation)?.kind === 'feed') refuse(Code.MALFORMED, 'the feed is no conversation to set anything of');
  return viewOf(log, user, conversation);
}
