import { fromBinary, SealedSchema, type Reason } from 'godwit-schemas';
import { isFold, textOf, type Content, type Decoded, type Reference } from './content.js';
import { bareContent, decodeContent, decodeEvent } from './content-decode.js';
import type { GapNotice, Message, Tick, Undecodable } from './events.js';
import { reactionCounts, type Folds } from './folds.js';
import { tickAt, type Place } from './places.js';
import { decodeRecord, encodeRecord } from './records.js';

/** Bits of Message.flags. */
export const flags = { silent: 1, bare: 2 } as const;

/** What is stored of a place, before its bytes. Short names: there is one for every message. */
export interface StoredHead {
  /**
   * What the bytes are: a Content, a body that could not be opened, plain bytes, an Event, a body that is wrong; a
   * Content that is folded into another message. A gap and a deleted message have none, nor has an edit whose content
   * has moved to the message that it belongs to.
   */
  kind: 'content' | 'sealed' | 'bare' | 'event' | 'undecodable' | 'fold' | 'gap' | 'deleted';
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
  /** Of a fold: the message that it belongs to. */
  target?: Reference;
  /** Of a fold: it is from someone who may not do that, or of what is no message. */
  ignored?: true;
  /** Of a message: what is folded into it. */
  folds?: Folds;
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

/** What stands at a place of a conversation, as `Client.messages` gives it. */
export type Shown = Message | GapNotice | Undecodable;

/** What the app is shown of a stored place; nothing of what is folded into a message. */
export function show(conversation: string, seq: number, stored: StoredMessage, user: string, place: Readonly<Place>): Shown | undefined {
  const { head, bytes } = stored;
  if (head.gap) return { type: 'gap', conversation, from: head.gap.from, to: seq, reason: head.gap.reason };
  const message = messageOf(conversation, seq, stored, user, place);
  if (message?.content.kind !== 'undecodable') return message;
  return { type: 'undecodable', topic: '', bytes, reason: head.wrong ?? 'the body cannot be read', message };
}

/** The message at a place, whether it can be read or not; undefined where there is none to show. */
export function messageOf(conversation: string, seq: number, { head, bytes }: StoredMessage, user: string, place: Readonly<Place>): Message | undefined {
  if (head.kind === 'gap' || head.kind === 'fold') return undefined;
  const { content, replyTo } = shownContent(head, bytes);
  const own = head.from === user;
  const expires = expiresAt(head);
  return {
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
    ...(replyTo && { replyTo }),
    ...(head.folds?.edit && { editedAtMs: head.folds.edit.atMs }),
    reactions: head.folds ? reactionCounts(head.folds) : [],
    ...(own && { tick: tickOf(head, place, seq) }),
  };
}

function shownContent(head: StoredHead, bytes: Uint8Array): { content: Content; replyTo?: Reference } {
  if (head.kind !== 'content') return { content: opaqueContent(head, bytes) };
  const { content, ...rest }: Decoded = decodeContent(bytes);
  return { content: isFold(content) ? { kind: 'unknown', bytes } : content, ...rest };
}

function opaqueContent(head: StoredHead, bytes: Uint8Array): Content {
  switch (head.kind) {
    case 'bare':
      return bareContent(bytes);
    case 'event':
      return decodeEvent(bytes);
    case 'deleted':
      return { kind: 'deleted' };
    case 'sealed': {
      const { alg, keyEpoch } = fromBinary(SealedSchema, bytes);
      return { kind: 'sealed', alg, keyEpoch };
    }
    default:
      return { kind: 'undecodable', bytes };
  }
}
