import { Code, create, createUlid, errors, MessageSchema, toBinary, validGroupId, validUserId, type MessageInitShape, type MessagesSendResponseSchema, type RequestOf } from 'godwit-schemas';
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
  if ((to === '') === (group === '')) throw refused(Code.MALFORMED, 'a message goes to a user or to a group');
  if (to !== '' && !validUserId(to)) throw refused(Code.MALFORMED, 'to must be a user id');
  if (group !== '' && !validGroupId(group)) throw refused(Code.MALFORMED, 'group must be a group id');
  if (!message) throw refused(Code.MALFORMED, 'a message is needed');
  const id = message.id.length > 0 ? message.id : newId();
  const bytes = toBinary(MessageSchema, create(MessageSchema, { ...message, id }));
  const append = await context.publish({ ...caller, session: undefined }, group === '' ? { kind: 'to', user: to, raw: false } : { kind: 'group', group, raw: false }, bytes);
  if (append.code !== Code.OK) throw refused(append.code, errors.get(append.code)?.meaning ?? 'refused');
  return {
    id,
    seq: BigInt(append.seq),
    sentAtMs: BigInt(append.sentAtMs),
    conversation: append.conversation,
  };
}

function refused(code: Code, text: string): RefusedError {
  return new RefusedError({ code, text });
}
