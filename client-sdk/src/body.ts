import { create, fromBinary, SealedSchema, toBinary, type MessageShape } from 'godwit-schemas';
import type { Cipher, SealContext } from './cipher.js';
import { compression, deflated, inflated, readable } from './compression.js';
import { isFold } from './content.js';
import { decodeContent } from './content-decode.js';
import { idBytes } from './ids.js';
import { flags, type StoredHead, type StoredMessage } from './stored-message.js';

/** A Content on its way out: compressed, encrypted, encoded. Rejects when the cipher does. */
export async function sealBody(content: Uint8Array, context: SealContext, cipher: Cipher): Promise<Uint8Array> {
  const fewer = await deflated(content);
  const { alg, keyEpoch, payload } = await cipher.seal(fewer ?? content, context);
  return toBinary(SealedSchema, create(SealedSchema, { alg, keyEpoch, payload, compression: fewer ? compression.deflate : compression.none }));
}

/** Reads a body as far as that goes without a key. @throws when it is none. */
export function decodeSealed(body: Uint8Array): MessageShape<typeof SealedSchema> {
  return fromBinary(SealedSchema, body);
}

/** Opens a body: what is then stored, and as what. */
export async function openBody(head: Omit<StoredHead, 'kind'>, body: Uint8Array, conversation: string, cipher: Cipher): Promise<StoredMessage> {
  if ((head.flags & flags.bare) !== 0) return { head: { ...head, kind: 'bare' }, bytes: body };
  try {
    const { alg, keyEpoch, payload, compression: how } = decodeSealed(body);
    const sealed: StoredMessage = { head: { ...head, kind: 'sealed' }, bytes: body };
    // The cipher may forget a key once it has opened something: what could not be read then is not given to it.
    if (!readable(how)) return sealed;
    const opened = await cipher.open({ alg, keyEpoch, payload }, { conversation, id: idBytes(head.id), from: head.from, fromDevice: head.device });
    if (opened === undefined) return sealed;
    return contentMessage(head, how === compression.deflate ? await inflated(opened) : opened);
  } catch (error) {
    return { head: { ...head, kind: 'undecodable', wrong: error instanceof Error ? error.message : String(error) }, bytes: body };
  }
}

/** What is stored of an encoded Content. @throws when it is none. */
export function contentMessage(head: Omit<StoredHead, 'kind'>, bytes: Uint8Array): StoredMessage {
  const { content } = decodeContent(bytes);
  return isFold(content) ? { head: { ...head, kind: 'fold', target: content.target }, bytes } : { head: { ...head, kind: 'content' }, bytes };
}
