import { Flag, Reason } from 'godwit-schemas';
import { EntryState, type Entry } from './conversation-log.js';

/** Why nobody is given this entry any more; undefined: it is there. */
export function goneFor({ state, expiresAtMs }: Entry, nowMs: number): Reason | undefined {
  if (state === EntryState.Erased) return Reason.ERASED;
  if (state === EntryState.Expired || (expiresAtMs > 0 && expiresAtMs <= nowMs)) return Reason.EXPIRED;
  return state === EntryState.Archived ? Reason.LOST : undefined;
}

/** Whether it is a message to be read and counted; what the server itself wrote never is. */
export function isCounted({ flags }: Entry): boolean {
  return (flags & Flag.silent) === 0;
}

/** The tag of Message.from: field 10, length-delimited. */
const FROM_TAG = (10 << 3) | 2;

/** The stamp begins with `from`. Ids are ASCII of at most 64 characters: their length is one byte. */
export function isFrom(user: string, { buffer, stamp }: Entry): boolean {
  if (buffer[stamp] !== FROM_TAG || buffer[stamp + 1] !== user.length) return false;
  for (let i = 0; i < user.length; i++) if (buffer[stamp + 2 + i] !== user.charCodeAt(i)) return false;
  return true;
}

/** Whether the server itself wrote it: an event. */
export function isOfServer({ buffer, stamp }: Entry): boolean {
  return buffer[stamp] !== FROM_TAG || buffer[stamp + 1] === 0;
}
