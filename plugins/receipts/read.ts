import { Code, fromBinary, parseConversation, ReadSchema } from 'godwit-schemas';
import type { PluginContext, Refusal } from '../../broker/ports/plugin.js';

/** The place in a payload of `read/<conversation>`. */
export function readPlace(payload: Uint8Array): bigint | Refusal {
  try {
    return fromBinary(ReadSchema, payload).seq;
  } catch {
    return { code: Code.MALFORMED, text: 'the payload is no Read' };
  }
}

/** Where the read cursor is now, and whether it moved. */
export interface ReadStep {
  seq: number;
  moved: boolean;
}

/** Moves a member's read cursor, at most to the last place that is theirs. Durable when it resolves. */
export async function moveRead({ storage, now }: Pick<PluginContext, 'storage' | 'now'>, user: string, conversation: string, place: bigint): Promise<ReadStep | Refusal> {
  if (!parseConversation(conversation)) return { code: Code.MALFORMED, text: 'conversation must be the name of a conversation' };
  const { log, cursors } = storage;
  const windows = await log.windowsOf(conversation, user);
  const head = windows.length > 0 ? await log.head(conversation) : undefined;
  if (!head) return { code: Code.UNKNOWN_CONVERSATION, text: 'there is no such conversation of yours' };
  const last = Math.min(head.head, windows[windows.length - 1].to);
  const seq = place > BigInt(last) ? last : Number(place);
  const moved = seq > 0 && (await cursors.setRead(user, conversation, seq, now()));
  return { seq: (await cursors.user(user, conversation)).read, moved };
}
