import type { KeyRange } from './store.js';

/** Numbers in keys: 14 hex digits hold every safe integer, and order as they count. */
const digits = (n: number): string => n.toString(16).padStart(14, '0');

/** The keys of everything that is stored. One writer each: see the module that is named. */
export const keys = {
  /** Who the store belongs to (`identity`). */
  identity: 'identity',
  /** How far the local clock is from the server's (`clock`). */
  clock: 'clock',
  /** The conversations of the user were asked for, and what is set of them (`listing`). */
  listed: 'listed',
  /** A conversation's place and floors (`inbox`). */
  place: (conversation: string): string => `p/${conversation}`,
  /** A message, a gap, an event, or what was folded into a message, at its place (`messages`). */
  message: (conversation: string, seq: number): string => `m/${conversation}/${digits(seq)}`,
  /** Marks a message as had: from and id are its identity (`messages`). */
  mark: (conversation: string, from: string, id: string): string => `i/${conversation}/${from}/${id}`,
  /** What waits to be folded into a message that is not stored (`messages`). */
  folds: (conversation: string, from: string, id: string): string => `f/${conversation}/${from}/${id}`,
  /** A message whose body could not be opened yet (`messages`). */
  sealed: (conversation: string, seq: number): string => `s/${conversation}/${digits(seq)}`,
  /** A message that is not accepted yet, or was refused (`outbox`). */
  outbox: (order: number): string => `o/${digits(order)}`,
  /** How far the app has said that it is read (`reads`). */
  read: (conversation: string): string => `r/${conversation}`,
  /** A message that disappears, by when it does (`expiry`). */
  expiry: (atMs: number, conversation: string, seq: number): string => `e/${digits(atMs)}/${conversation}/${digits(seq)}`,
  /** A payload that is no message at all (`deliveries`). */
  undecodable: (slot: number): string => `x/${digits(slot)}`,
} as const;

/** The ranges of those keys. `0` is the character after `/`. */
export const ranges = {
  places: { from: 'p/', before: 'p0' },
  outbox: { from: 'o/', before: 'o0' },
  reads: { from: 'r/', before: 'r0' },
  /** What waits for messages of a conversation. */
  folds: (conversation: string): KeyRange => ({ from: `f/${conversation}/`, before: `f/${conversation}0` }),
  sealed: { from: 's/', before: 's0' },
  undecodable: { from: 'x/', before: 'x0' },
  /** Places `from` to `to`, both included. */
  messages: (conversation: string, from: number, to: number): KeyRange => ({
    from: keys.message(conversation, from),
    before: keys.message(conversation, to + 1),
  }),
  /** What disappears at `atMs` or before. */
  expired: (atMs: number): KeyRange => ({ from: 'e/', before: `e/${digits(atMs + 1)}` }),
  expiries: { from: 'e/', before: 'e0' },
} as const;

/** The place at the end of a message's key. */
export function seqOfKey(key: string): number {
  return Number.parseInt(key.slice(key.lastIndexOf('/') + 1), 16);
}

/** What stands between the first slash and the end: the conversation of a `p/` or `r/` key. */
export function conversationOfKey(key: string): string {
  return key.slice(2);
}

/** The parts of an `e/` key. */
export function partsOfExpiryKey(key: string): { atMs: number; conversation: string; seq: number } {
  const [, at, conversation, seq] = key.split('/');
  return { atMs: Number.parseInt(at, 16), conversation, seq: Number.parseInt(seq, 16) };
}

/** The parts of an `s/` key. */
export function partsOfSealedKey(key: string): { conversation: string; seq: number } {
  return { conversation: key.slice(2, key.lastIndexOf('/')), seq: seqOfKey(key) };
}

const utf8 = new TextEncoder();
const text = new TextDecoder();
const none = new Uint8Array(0);

/** A record: 4 bytes length of the head (big-endian), the head as JSON, then bytes as they are. */
export function encodeRecord(head: object, bytes: Uint8Array = none): Uint8Array {
  const json = utf8.encode(JSON.stringify(head));
  const record = new Uint8Array(4 + json.length + bytes.length);
  new DataView(record.buffer).setUint32(0, json.length);
  record.set(json, 4);
  record.set(bytes, 4 + json.length);
  return record;
}

/** Reads a record; its `bytes` are a view into it. */
export function decodeRecord<Head>(record: Uint8Array): { head: Head; bytes: Uint8Array } {
  const end = 4 + new DataView(record.buffer, record.byteOffset).getUint32(0);
  return { head: JSON.parse(text.decode(record.subarray(4, end))) as Head, bytes: record.subarray(end) };
}
