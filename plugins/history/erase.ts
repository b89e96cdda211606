import { createHash } from 'node:crypto';
import { Code, create, ErasedSchema, errors, EventSchema, Flag, GroupRole, MessageSchema, parseConversation, toBinary, type RequestOf } from 'godwit-schemas';
import { EntryState } from '../../broker/ports/conversation-log.js';
import { isFrom, isOfServer } from '../../broker/ports/entries.js';
import type { PluginContext } from '../../broker/ports/plugin.js';
import type { Storage } from '../../broker/ports/storage.js';
import { entryFrom } from './newest.js';
import { holds, listedViewOf, refuse } from './view.js';

/**
 * `messages.erase`. The body goes first, then the devices are told; a crash between the two is made good by the call
 * that is made again, and the log takes its event once. @throws RefusedError
 */
export async function eraseMessage({ storage, append }: Pick<PluginContext, 'storage' | 'append'>, user: string, { conversation, seq }: RequestOf<'messages.erase'>): Promise<object> {
  const { log } = storage;
  const view = await listedViewOf(log, user, conversation);
  const place = Number(seq);
  const entry = holds(view, seq) ? await entryFrom(log, conversation, place) : undefined;
  if (entry?.seq !== place || isOfServer(entry)) refuse(Code.NOT_ALLOWED, 'there is no message of yours at this place');
  if (!isFrom(user, entry) && !(await isAdmin(storage, user, conversation))) refuse(Code.NOT_ALLOWED, 'a message is erased by its sender, in a group also by admins');
  await log.erase(conversation, place, EntryState.Erased);
  const id = idOf(conversation, place, entry.sentAtMs);
  const event = create(EventSchema, { kind: { case: 'erased', value: create(ErasedSchema, { seq, by: user }) } });
  const [{ code }] = await append([{ conversation, members: usersOf(conversation), id, message: toBinary(MessageSchema, create(MessageSchema, { id, flags: Flag.silent, event })) }]);
  if (code !== Code.OK) refuse(code, errors.get(code)?.meaning ?? 'refused');
  return {};
}

async function isAdmin({ groups }: Pick<Storage, 'groups'>, user: string, name: string): Promise<boolean> {
  const conversation = parseConversation(name);
  if (conversation?.kind !== 'group') return false;
  const member = (await groups.get(conversation.group))?.members.get(user);
  return member !== undefined && member.role !== GroupRole.MEMBER;
}

/** Whom to wake; the members of a group are known to its log. */
function usersOf(name: string): readonly string[] {
  const conversation = parseConversation(name);
  return conversation?.kind === 'direct' ? [...new Set(conversation.users)] : [];
}

/** Of the event, the same whoever asks again. It begins with the time of the message: ids that rise are quick to look up. */
function idOf(conversation: string, place: number, sentAtMs: number): Uint8Array {
  const id = createHash('sha256').update(`erased ${conversation} ${place}`).digest().subarray(0, 16);
  id.writeUIntBE(sentAtMs, 0, 6);
  return id;
}
