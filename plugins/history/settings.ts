import { Code, ConversationStateSchema, create, createUlid, EventSchema, feedConversation, FeedSchema, Flag, MessageSchema, toBinary, type ConversationState, type RequestOf } from 'godwit-schemas';
import type { ConversationSetting } from '../../broker/ports/conversation-settings.js';
import type { PluginContext } from '../../broker/ports/plugin.js';
import type { Turns } from '../../broker/ports/turns.js';
import { listedViewOf, refuse } from './view.js';

const newId = createUlid();

/** What someone has set of a conversation, as it is told. */
export function shownState(conversation: string, { mutedUntilMs, archived, pinned, clearedTo }: ConversationSetting): ConversationState {
  return create(ConversationStateSchema, { conversation, mutedUntilMs: BigInt(mutedUntilMs), archived, pinned, clearedTo: BigInt(clearedTo) });
}

type Context = Pick<PluginContext, 'storage' | 'append'>;

/** `conversations.set`. @throws RefusedError */
export async function setConversation(context: Context, turns: Turns, user: string, { conversation, mutedUntilMs, archived, pinned }: RequestOf<'conversations.set'>): Promise<{ state: ConversationState }> {
  if (mutedUntilMs !== undefined && mutedUntilMs > BigInt(Number.MAX_SAFE_INTEGER)) refuse(Code.MALFORMED, 'muted_until_ms must be Unix milliseconds');
  await listedViewOf(context.storage.log, user, conversation);
  return change(context, turns, user, conversation, {
    ...(mutedUntilMs !== undefined && { mutedUntilMs: Number(mutedUntilMs) }),
    ...(archived !== undefined && { archived }),
    ...(pinned !== undefined && { pinned }),
  });
}

/** `conversations.clear`. @throws RefusedError */
export async function clearConversation(context: Context, turns: Turns, user: string, { conversation }: RequestOf<'conversations.clear'>): Promise<{ state: ConversationState }> {
  const { head, windows } = await listedViewOf(context.storage.log, user, conversation);
  return change(context, turns, user, conversation, { clearedTo: Math.min(head.head, windows[windows.length - 1].to) });
}

/**
 * The user's devices are told also when nothing has changed: a call that is made again may be one that a crash cut short.
 * In turn: what they are told last is what is set.
 */
function change({ storage, append }: Context, turns: Turns, user: string, conversation: string, by: Partial<ConversationSetting>): Promise<{ state: ConversationState }> {
  return turns.take(`${user} ${conversation}`, async () => {
    const state = shownState(conversation, await storage.conversationSettings.set(user, conversation, by));
    const id = newId();
    const event = create(EventSchema, { kind: { case: 'feed', value: create(FeedSchema, { conversation: state }) } });
    await append([{ conversation: feedConversation(user), members: [user], id, message: toBinary(MessageSchema, create(MessageSchema, { id, flags: Flag.silent, event })) }]);
    return { state };
  });
}
