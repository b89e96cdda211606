import { ContentSchema, create, EventSchema, fromBinary, SealedSchema, toBinary, type Event } from 'godwit-schemas';
import type { SealedBody } from './cipher.js';

/** What a message says. */
export type Content =
  | { readonly kind: 'text'; readonly text: string }
  /** Plain bytes, from or for a device without the SDK; not encrypted. `text` is their reading as UTF-8. */
  | { readonly kind: 'bare'; readonly text: string; readonly bytes: Uint8Array }
  /** The app's own. */
  | { readonly kind: 'custom'; readonly customType: string; readonly data: Uint8Array }
  /** An entry of the server's own. */
  | { readonly kind: 'event'; readonly event: Event }
  /** Encrypted with something that cannot be read here. It is kept, and readable once there is a cipher for it. */
  | { readonly kind: 'sealed'; readonly alg: number; readonly keyEpoch: bigint }
  /** Of a kind that this version does not know. `bytes` is the encoded Content. */
  | { readonly kind: 'unknown'; readonly bytes: Uint8Array }
  /** Not what it should be. `bytes` is the body as it came. */
  | { readonly kind: 'undecodable'; readonly bytes: Uint8Array };

const utf8 = new TextDecoder();

export function encodeText(text: string): Uint8Array {
  return toBinary(ContentSchema, create(ContentSchema, { kind: { case: 'text', value: { text } } }));
}

export function encodeCustom(customType: string, data: Uint8Array): Uint8Array {
  return toBinary(ContentSchema, create(ContentSchema, { kind: { case: 'custom', value: { type: customType, data } } }));
}

/** Reads an encoded Content. @throws when it is none. */
export function decodeContent(bytes: Uint8Array): Content {
  const { kind } = fromBinary(ContentSchema, bytes);
  switch (kind.case) {
    case 'text':
      return { kind: 'text', text: kind.value.text };
    case 'custom':
      return { kind: 'custom', customType: kind.value.type, data: kind.value.data };
    default:
      return { kind: 'unknown', bytes };
  }
}

export function bareContent(bytes: Uint8Array): Content {
  return { kind: 'bare', text: utf8.decode(bytes), bytes };
}

/** The server's entries are kept in their own encoding. @throws when it is none. */
export function decodeEvent(bytes: Uint8Array): Content {
  return { kind: 'event', event: fromBinary(EventSchema, bytes) };
}

export function encodeEvent(event: Event): Uint8Array {
  return toBinary(EventSchema, event);
}

export function encodeSealed({ alg, keyEpoch, payload }: SealedBody): Uint8Array {
  return toBinary(SealedSchema, create(SealedSchema, { alg, keyEpoch, payload }));
}

/** Reads a body. @throws when it is none. */
export function decodeSealed(body: Uint8Array): SealedBody {
  return fromBinary(SealedSchema, body);
}

/** What can be shown as text. */
export function textOf(content: Content): string | undefined {
  return content.kind === 'text' || content.kind === 'bare' ? content.text : undefined;
}
