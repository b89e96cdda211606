import { Code, ContentSchema, create, EventSchema, fromBinary, GodwitError, toBinary, type Event, type MessageInitShape } from 'godwit-schemas';
import { checks } from './content-checks.js';
import type { Reference, SendContent } from './content.js';
import { idBytes } from './ids.js';

type ContentInit = MessageInitShape<typeof ContentSchema>;
type Kind = NonNullable<ContentInit['kind']>;

/**
 * What an app sends, encoded. A string is a text, bytes are the app's own.
 * @throws GodwitError MALFORMED when it is not as it should be.
 */
export function encodeContent(given: string | Uint8Array | SendContent, replyTo?: Reference): Uint8Array {
  return encode({ kind: kindOf(structured(given)), ...(replyTo && { replyTo: reference(replyTo) }) });
}

/** @throws GodwitError MALFORMED */
export function encodeReaction(to: Reference, emoji: string, remove: boolean): Uint8Array {
  checks.emoji(emoji);
  return encode({ kind: { case: 'reaction', value: { target: reference(to), emoji, remove } } });
}

/** @throws GodwitError MALFORMED, also when the new content is neither text nor the app's own. */
export function encodeEdit(of: Reference, given: string | Uint8Array | SendContent): Uint8Array {
  const target = reference(of);
  const content = kindOf(structured(given));
  if (content.case !== 'text' && content.case !== 'custom') throw new GodwitError(Code.MALFORMED, `nothing can be edited to ${content.case}`);
  return encode({ kind: { case: 'edit', value: { target, content } } });
}

/** @throws GodwitError MALFORMED */
export function encodeDeletion(of: Reference): Uint8Array {
  return encode({ kind: { case: 'deletion', value: { target: reference(of) } } });
}

/** What an edited message says: the edit's content, as an answer to what the original answered. */
export function editedContent(original: Uint8Array, edit: Uint8Array): Uint8Array {
  const { replyTo } = fromBinary(ContentSchema, original);
  return replyTo ? toBinary(ContentSchema, { ...fromBinary(ContentSchema, edit), replyTo }) : edit;
}

/** The server's entries are kept in their own encoding. */
export function encodeEvent(event: Event): Uint8Array {
  return toBinary(EventSchema, event);
}

function encode(init: ContentInit): Uint8Array {
  return toBinary(ContentSchema, create(ContentSchema, init));
}

function structured(given: string | Uint8Array | SendContent): SendContent {
  if (typeof given === 'string') return { kind: 'text', text: given };
  if (typeof given !== 'object' || given === null) throw new GodwitError(Code.MALFORMED, `no content that can be sent: ${given}`);
  return given instanceof Uint8Array ? { kind: 'custom', customType: '', data: given } : given;
}

function reference(to: Reference): { from: string; id: Uint8Array } {
  checks.reference(to);
  return { from: to.from, id: idBytes(to.id) };
}

function kindOf(content: SendContent) {
  switch (content.kind) {
    case 'text': {
      checks.text(content);
      return { case: 'text', value: { text: content.text, mentions: (content.mentions ?? []).map(({ user, start, length }) => ({ user, start, length })) } } as const satisfies Kind;
    }
    case 'custom':
      checks.custom(content);
      return { case: 'custom', value: { type: content.customType, data: content.data } } as const satisfies Kind;
    case 'media': {
      checks.media(content);
      const { id, url, size = 0, kind: _, ...rest } = content;
      const source = url === undefined ? ({ case: 'id', value: id! } as const) : ({ case: 'url', value: url } as const);
      return { case: 'media', value: { ...rest, source, size: BigInt(size) } } as const satisfies Kind;
    }
    case 'location': {
      checks.location(content);
      const { kind: _, ...value } = content;
      return { case: 'location', value } as const satisfies Kind;
    }
    case 'contact': {
      checks.contact(content);
      const { user, name, phones = [] } = content;
      return { case: 'contact', value: { user, name, phones: [...phones] } } as const satisfies Kind;
    }
    default:
      throw new GodwitError(Code.MALFORMED, `no content that can be sent: ${(content as { kind?: unknown }).kind}`);
  }
}
