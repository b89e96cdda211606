import { Code, create, createUlid, directConversation, errors, MessageSchema, toBinary, validUserId, type MessageInitShape, type MessagesSendResponseSchema, type RequestOf } from 'godwit-schemas';
import { RefusedError, type Caller, type PluginContext } from '../../broker/ports/plugin.js';

const newId = createUlid();

/**
 * `messages.send`. The message takes the way of every publish, but comes from no device: all the sender's devices
 * receive it, the one that asked too.
 * @throws RefusedError
 */
export async function sendMessage(
  context: Pick<PluginContext, 'publish'>,
  caller: Caller,
  { to, group, message }: RequestOf<'messages.send'>,
): Promise<MessageInitShape<typeof MessagesSendResponseSchema>> {
  if (group !== '') throw refused(Code.UNKNOWN_CONVERSATION, 'groups are not supported by this version');
  if (!validUserId(to)) throw refused(Code.MALFORMED, 'to must be a user id');
  if (!message) throw refused(Code.MALFORMED, 'a message is needed');
  const id = message.id.length > 0 ? message.id : newId();
  const bytes = toBinary(MessageSchema, create(MessageSchema, { ...message, id }));
  const append = await context.publish({ ...caller, session: undefined }, { kind: 'to', user: to, raw: false }, bytes);
  if (append.code !== Code.OK) throw refused(append.code, errors.get(append.code)?.meaning ?? 'refused');
  return {
    id,
    seq: BigInt(append.seq),
    sentAtMs: BigInt(append.sentAtMs),
    conversation: append.conversation || directConversation(caller.user, to),
  };
}

function refused(code: Code, text: string): RefusedError {
  return new RefusedError({ code, text });
}
