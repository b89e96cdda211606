import { isGroupConversation, peerOf } from 'godwit-schemas';
import type { ConversationLog, Entry, MaybePromise, ReadLimit } from '../../broker/ports/conversation-log.js';
import type { UserCursor } from '../../broker/ports/cursors.js';
import { isFrom } from '../../broker/ports/entries.js';
import type { PrivacyRecord } from '../../broker/ports/relations.js';
import type { Storage } from '../../broker/ports/storage.js';
import { GroupFloors } from './group-floors.js';

/** How far all others in a conversation are, and since when. */
export interface Floor {
  delivered: number;
  deliveredAtMs: number;
  read: number;
  readAtMs: number;
}

/** The note to self has none: sent is final. */
export function hasReceipts(user: string, conversation: string): boolean {
  return peerOf(conversation, user) !== user;
}

export class Floors {
  readonly groups: GroupFloors;

  constructor(private readonly storage: Pick<Storage, 'log' | 'cursors' | 'relations'>) {
    this.groups = new GroupFloors(storage);
  }

  /**
   * The floor of a conversation as this user sees it: in a one-to-one the cursor of the other one, in a group the lowest
   * of all other members; undefined where there are no others (the note to self, the feed).
   */
  seenBy(user: string, conversation: string): MaybePromise<Floor | undefined> {
    if (isGroupConversation(conversation)) return this.groups.seenBy(user, conversation);
    const peer = peerOf(conversation, user);
    if (peer === undefined || peer === user) return undefined;
    const cursor = this.storage.cursors.user(peer, conversation);
    if (!(cursor instanceof Promise)) return cursor.read === 0 ? cursor : this.asShown(cursor, user, peer);
    return cursor.then((known) => this.asShown(known, user, peer));
  }

  /** Where one of two tells nobody of reading, neither is told. */
  private asShown(cursor: Readonly<UserCursor>, user: string, peer: string): MaybePromise<Floor> {
    const [own, theirs] = [this.storage.relations.privacy(user), this.storage.relations.privacy(peer)];
    if (own instanceof Promise || theirs instanceof Promise) return Promise.all([own, theirs]).then(([a, b]) => shown(cursor, a, b));
    return shown(cursor, own, theirs);
  }
}

function shown(cursor: Readonly<UserCursor>, own: PrivacyRecord, theirs: PrivacyRecord): Floor {
  return own.readReceipts && theirs.readReceipts ? cursor : { delivered: cursor.delivered, deliveredAtMs: cursor.deliveredAtMs, read: 0, readAtMs: 0 };
}

/** A page of the log to look for an author in, and how many entries are worth looking at. */
const PAGE: ReadLimit = { entries: 64, bytes: 65_536, withoutMessages: true };
const MOST_ENTRIES = 256;
/** Most often the first one is theirs. */
const FIRST: ReadLimit = { entries: 1, bytes: 1, withoutMessages: true };

/**
 * Whether the user wrote any of the places (after, upTo]. True also where it cannot be told cheaply: a receipt too
 * many harms nobody, one too few is a tick that never comes. So places that are gone count as theirs, and so does
 * what lies behind the first 256.
 */
export function wroteAny(user: string, log: ConversationLog, conversation: string, after: number, upTo: number): MaybePromise<boolean> {
  if (after >= upTo) return false;
  const first = log.read(conversation, after + 1, FIRST);
  if (first instanceof Promise) return first.then((entries) => isTheirs(user, after + 1, entries[0]) || lookFor(user, log, conversation, after, upTo));
  return isTheirs(user, after + 1, first[0]) || lookFor(user, log, conversation, after, upTo);
}

function isTheirs(user: string, place: number, entry: Entry | undefined): boolean {
  return entry?.seq !== place || isFrom(user, entry);
}

async function lookFor(user: string, log: ConversationLog, conversation: string, after: number, upTo: number): Promise<boolean> {
  let place = after;
  for (let looked = 0; looked < MOST_ENTRIES; ) {
    if (place >= upTo) return false;
    const answer = log.read(conversation, place + 1, PAGE);
    const page = answer instanceof Promise ? await answer : answer;
    for (const entry of page) {
      if (place >= upTo) return false;
      if (isTheirs(user, place + 1, entry)) return true;
      place = entry.seq;
    }
    if (page.length === 0) return true;
    looked += page.length;
  }
  return true;
}
