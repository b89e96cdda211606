import { Code, ContentSchema, create, EventSchema, fromBinary, GodwitError, toBinary, type MessageShape } from 'godwit-schemas';
import { checks, liesWithin } from './content-checks.js';
import type { Content, Decoded, FoldContent, MediaContent, Reference, TextContent } from './content.js';
import { idText } from './ids.js';

type Wire = MessageShape<typeof ContentSchema>;
type WireReference = NonNullable<Wire['replyTo']>;
type Value<K extends Wire['kind']['case']> = Extract<Wire['kind'], { case: K }>['value'];

const utf8 = new TextDecoder();

/** Reads an encoded Content. @throws when it is none, or not as it should be. */
export function decodeContent(bytes: Uint8Array): Decoded {
  const wire = fromBinary(ContentSchema, bytes);
  const content = contentOf(wire, bytes);
  const replyTo = answered(wire.replyTo);
  return replyTo ? { content, replyTo } : { content };
}

export function bareContent(bytes: Uint8Array): Content {
  return { kind: 'bare', text: utf8.decode(bytes), bytes };
}

/** The server's entries are kept in their own encoding. @throws when it is none. */
export function decodeEvent(bytes: Uint8Array): Content {
  return { kind: 'event', event: fromBinary(EventSchema, bytes) };
}

function contentOf({ kind }: Wire, bytes: Uint8Array): Content | FoldContent {
  switch (kind.case) {
    case 'text':
      return text(kind.value);
    case 'custom':
      return { kind: 'custom', customType: kind.value.type, data: kind.value.data };
    case 'media':
      return media(kind.value);
    case 'location': {
      const { latitude, longitude, accuracyM, label } = kind.value;
      const location = { kind: 'location', latitude, longitude, ...given({ accuracyM, label }) } as const;
      checks.location(location);
      return location;
    }
    case 'contact': {
      const { user, name, phones } = kind.value;
      const contact = { kind: 'contact', ...given({ user, name }), ...(phones.length > 0 && { phones }) } as const;
      checks.contact(contact);
      return contact;
    }
    case 'reaction': {
      const { emoji, remove } = kind.value;
      checks.emoji(emoji);
      return { kind: 'reaction', target: target(kind.value.target), emoji, remove };
    }
    case 'edit': {
      const { content } = kind.value;
      // What an edit of a later version says: it is no more known than a message of that kind.
      if (content.case === undefined) return { kind: 'unknown', bytes };
      return { kind: 'edit', target: target(kind.value.target), content: toBinary(ContentSchema, create(ContentSchema, { kind: content })) };
    }
    case 'deletion':
      return { kind: 'deletion', target: target(kind.value.target) };
    default:
      return { kind: 'unknown', bytes };
  }
}

function text(value: Value<'text'>): TextContent {
  // A mention beside the text is somebody's mistake: no reason to lose the text.
  const mentions = value.mentions.filter((mention) => liesWithin(mention, value.text)).map(({ user, start, length }) => ({ user, start, length }));
  return { kind: 'text', text: value.text, ...(mentions.length > 0 && { mentions }) };
}

function media({ source, mediaType, size, width, height, durationMs, name, caption, thumbnail, key, digest }: Value<'media'>): MediaContent {
  const content: MediaContent = {
    kind: 'media',
    ...(source.case === 'id' && { id: source.value }),
    ...(source.case === 'url' && { url: source.value }),
    mediaType,
    ...given({ size: Number(size), width, height, durationMs, name, caption, thumbnail, key, digest }),
  };
  checks.media(content);
  return content;
}

/** Without what is 0 or empty: proto3 has no other "not given". */
function given<T extends Record<string, number | string | Uint8Array>>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== 0 && (typeof value === 'number' || value.length > 0))) as Partial<T>;
}

function target(wire: WireReference | undefined): Reference {
  if (wire?.id.length !== 16) throw new GodwitError(Code.MALFORMED, 'it names no message');
  const reference = { from: wire.from, id: idText(wire.id) };
  checks.reference(reference);
  return reference;
}

/** What a message answers: a bad reference is no reason to lose the answer. */
function answered(wire: WireReference | undefined): Reference | undefined {
  try {
    return wire && target(wire);
  } catch (error) {
    if (error instanceof GodwitError) return undefined;
    throw error;
  }
}
