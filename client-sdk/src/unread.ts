import { ranges } from './records.js';
import { decodeStored, flags, type StoredHead } from './stored-message.js';
import type { Transaction } from './transaction.js';

const countable: ReadonlySet<StoredHead['kind']> = new Set(['content', 'sealed', 'bare', 'undecodable']);

/** Whether it is something to read for this user: someone else's, not silent, and a message of its own that is there. */
export function counts({ kind, from, flags: bits }: StoredHead, user: string): boolean {
  return countable.has(kind) && from !== user && (bits & flags.silent) === 0;
}

/**
 * The user has read up to this place: what was unread until there is no more. Each message is looked at once in its
 * life for this, when it is passed; none when everything is read.
 */
export async function readUpTo(conversation: string, seq: number, user: string, tx: Transaction): Promise<void> {
  const place = tx.place(conversation);
  if (seq <= place.readTo) return;
  const from = place.readTo + 1;
  place.readTo = seq;
  if (place.unread === 0) return;
  // Messages of others come in the order of their places.
  if (seq >= place.seq) {
    place.unread = 0;
    return;
  }
  for await (const [, record] of tx.rows(ranges.messages(conversation, from, seq))) {
    if (place.unread > 0 && counts(decodeStored(record).head, user)) place.unread--;
  }
}
