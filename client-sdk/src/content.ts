import type { Event } from 'godwit-schemas';

/** A message of the same conversation, by its identity. */
export interface Reference {
  /** Who sent it. */
  readonly from: string;
  /** Its id of 26 letters. */
  readonly id: string;
}

/** A part of a text that stands for a user. `start` and `length` count UTF-16 code units, as strings of JavaScript do. */
export interface Mention {
  readonly user: string;
  readonly start: number;
  readonly length: number;
}

/** Words. */
export interface TextContent {
  readonly kind: 'text';
  readonly text: string;
  readonly mentions?: readonly Mention[];
}

/** The app's own. */
export interface CustomContent {
  readonly kind: 'custom';
  readonly customType: string;
  readonly data: Uint8Array;
}

/** A file that is kept elsewhere: it has either an `id` or a `url`. */
export interface MediaContent {
  readonly kind: 'media';
  /** Where the server keeps it. At most 256 bytes. */
  readonly id?: string;
  /** `https:` or `http:`, at most 2,048 bytes. */
  readonly url?: string;
  /** As in `image/jpeg`. */
  readonly mediaType: string;
  /** Bytes. */
  readonly size?: number;
  /** Pixels. */
  readonly width?: number;
  readonly height?: number;
  readonly durationMs?: number;
  /** Of the file. At most 255 bytes, and not a path. */
  readonly name?: string;
  readonly caption?: string;
  /** A small picture, at most 16 KiB. */
  readonly thumbnail?: Uint8Array;
  /** For a file that is encrypted: its key, and what both ends need beside it. At most 1 KiB. */
  readonly key?: Uint8Array;
  /** SHA-256 of the file as it is kept. */
  readonly digest?: Uint8Array;
}

/** A place on earth. */
export interface LocationContent {
  readonly kind: 'location';
  /** Degrees by WGS 84, -90 to 90. */
  readonly latitude: number;
  /** Degrees, -180 to 180. */
  readonly longitude: number;
  /** Radius in metres. */
  readonly accuracyM?: number;
  readonly label?: string;
}

/** A user of Godwit (`user`), a person (`name`), or both. */
export interface ContactContent {
  readonly kind: 'contact';
  readonly user?: string;
  readonly name?: string;
  /** At most 20, of at most 64 bytes. */
  readonly phones?: readonly string[];
}

/** What an app can send. */
export type SendContent = TextContent | CustomContent | MediaContent | LocationContent | ContactContent;

/** What a message says. */
export type Content =
  | SendContent
  /** Plain bytes, from or for a device without the SDK; not encrypted. `text` is their reading as UTF-8. */
  | { readonly kind: 'bare'; readonly text: string; readonly bytes: Uint8Array }
  /** Its sender has taken it back. What it said is no longer stored. */
  | { readonly kind: 'deleted' }
  /** An entry of the server's own. */
  | { readonly kind: 'event'; readonly event: Event }
  /** Encrypted or compressed with something that cannot be read here. It is kept, and readable once there is a cipher for it. */
  | { readonly kind: 'sealed'; readonly alg: number; readonly keyEpoch: bigint }
  /** Of a kind that this version does not know. `bytes` is the encoded Content. */
  | { readonly kind: 'unknown'; readonly bytes: Uint8Array }
  /** Not what it should be. `bytes` is the body as it came. */
  | { readonly kind: 'undecodable'; readonly bytes: Uint8Array };

/** What is no message of its own: it is folded into the one that it names. */
export type FoldContent =
  | { readonly kind: 'reaction'; readonly target: Reference; readonly emoji: string; readonly remove: boolean }
  /** `content` is the encoded Content that takes the place of the target's. */
  | { readonly kind: 'edit'; readonly target: Reference; readonly content: Uint8Array }
  | { readonly kind: 'deletion'; readonly target: Reference };

/** An encoded Content, read. */
export interface Decoded {
  readonly content: Content | FoldContent;
  readonly replyTo?: Reference;
}

export function isFold(content: Content | FoldContent): content is FoldContent {
  return content.kind === 'reaction' || content.kind === 'edit' || content.kind === 'deletion';
}

/** What can be shown as text. */
export function textOf(content: Content | FoldContent): string | undefined {
  return content.kind === 'text' || content.kind === 'bare' ? content.text : undefined;
}
