import { Code, GodwitError, parseUlid, ulidToString, type Reason } from 'godwit-schemas';
import type { Cipher } from './cipher.js';
import { bareContent, decodeContent, decodeEvent, decodeSealed, textOf, type Content } from './content.js';
import type { GapNotice, Message, Tick, Undecodable } from './events.js';
import { tickAt, type Place } from './places.js';
import { decodeRecord, encodeRecord } from './records.js';

/** Bits of Message.flags. */
export const flags = { silent: 1, bare: 2 } as const;

/** What is stored of a place, before its bytes. Short names: there is one for every message. */
export interface StoredHead {
  /** What the bytes are: a Content, a body that could not be opened, plain bytes, an Event, a body that is wrong; a gap has none. */
  kind: 'content' | 'sealed' | 'bare' | 'event' | 'undecodable' | 'gap';
  /** 26 letters. */
  id: string;
  from: string;
  device: string;
  sentAtMs: number;
  flags: number;
  /** 0 = never. */
  expiresInS: number;
  /** Of own messages that disappear: the tick they had when the floor came. */
  tick?: Tick;
  /** Of gaps: the first place, and why. */
  gap?: { from: number; reason: Reason | 'unexplained' };
  /** Of what is wrong: what. */
  wrong?: string;
}

export interface StoredMessage {
  head: StoredHead;
  bytes: Uint8Array;
}

export function encodeStored({ head, bytes }: StoredMessage): Uint8Array {
  return encodeRecord(head, bytes);
}

export function decodeStored(record: Uint8Array): StoredMessage {
  return decodeRecord<StoredHead>(record);
}

/** Unix milliseconds by the server's clock; undefined = never. */
export function expiresAt(head: StoredHead): number | undefined {
  return head.expiresInS === 0 ? undefined : head.sentAtMs + head.expiresInS * 1_000;
}

export function tickOf(head: StoredHead, place: Readonly<Place>, seq: number): Tick {
  return head.expiresInS === 0 ? tickAt(place, seq) : (head.tick ?? 'sent');
}

export type Shown = Message | GapNotice | Undecodable;

/** What the app is shown of a stored place. */
export function show(conversation: string, seq: number, { head, bytes }: StoredMessage, user: string, place: Readonly<Place>): Shown {
  if (head.gap) return { type: 'gap', conversation, from: head.gap.from, to: seq, reason: head.gap.reason };
  const content = contentOf(head, bytes);
  const own = head.from === user;
  const expires = expiresAt(head);
  const message: Message = {
    type: 'message',
    conversation,
    seq,
    id: head.id,
    from: head.from,
    fromDevice: head.device,
    own,
    sentAtMs: head.sentAtMs,
    ...(expires !== undefined && { expiresAtMs: expires }),
    silent: (head.flags & flags.silent) !== 0,
    content,
    text: textOf(content),
    ...(own && { tick: tickOf(head, place, seq) }),
  };
  if (content.kind !== 'undecodable') return message;
  return { type: 'undecodable', topic: '', bytes, reason: head.wrong ?? 'the body cannot be read', message };
}

function contentOf(head: StoredHead, bytes: Uint8Array): Content {
  switch (head.kind) {
    case 'content':
      return decodeContent(bytes);
    case 'bare':
      return bareContent(bytes);
    case 'event':
      return decodeEvent(bytes);
    case 'sealed': {
      const { alg, keyEpoch } = decodeSealed(bytes);
      return { kind: 'sealed', alg, keyEpoch };
    }
    default:
      return { kind: 'undecodable', bytes };
  }
}

/** Opens a body on arrival: what is then stored, and as what. */
export async function openBody(head: Omit<StoredHead, 'kind'>, body: Uint8Array, conversation: string, cipher: Cipher): Promise<StoredMessage> {
  if ((head.flags & flags.bare) !== 0) return { head: { ...head, kind: 'bare' }, bytes: body };
  try {
    const opened = await cipher.open(decodeSealed(body), { conversation, id: idBytes(head.id), from: head.from, fromDevice: head.device });
    if (opened === undefined) return { head: { ...head, kind: 'sealed' }, bytes: body };
    decodeContent(opened);
    return { head: { ...head, kind: 'content' }, bytes: opened };
  } catch (error) {
    return { head: { ...head, kind: 'undecodable', wrong: error instanceof Error ? error.message : String(error) }, bytes: body };
  }
}

/** The 16 bytes of an id of 26 letters. @throws GodwitError MALFORMED */
export function idBytes(id: string): Uint8Array {
  const bytes = parseUlid(id);
  if (!bytes) throw new GodwitError(Code.MALFORMED, `not a message id: ${id}`);
  return bytes;
}

/** The 26 letters of an id. A foreign client's id need not be a ULID, but has 16 bytes. */
export function idText(id: Uint8Array): string {
  return ulidToString(id);
}
