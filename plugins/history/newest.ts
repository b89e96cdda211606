import type { ConversationLog, Entry, LogHead, MaybePromise, ReadLimit, Window } from '../../broker/ports/conversation-log.js';
import { goneFor, isCounted } from '../../broker/ports/entries.js';
import { withValue } from './with-value.js';

const ONE: ReadLimit = { entries: 1, bytes: 1 };
const ONE_COUNT: ReadLimit = { ...ONE, withoutMessages: true };
/** Messages that are gone which are passed over on the way back to one that is there. */
const MOST_GONE = 64;

/** The first entry from this place on. */
export function entryFrom(log: ConversationLog, conversation: string, place: number, limit = ONE): MaybePromise<Entry | undefined> {
  return withValue(log.read(conversation, place, limit), ([entry]) => entry);
}

/** How many messages that count the log holds, or held, up to and with this place, which must be kept or the one before what is. */
export function countedTo(log: ConversationLog, conversation: string, head: LogHead, place: number): MaybePromise<number> {
  if (place >= head.head) return head.counted;
  return withValue(entryFrom(log, conversation, place + 1, ONE_COUNT), (next) => (next ? next.counted - (isCounted(next) ? 1 : 0) : head.counted));
}

/** The newest message that counts and is there, within these windows and behind `floor`; undefined: there is none, or the newest 64 are all gone. */
export function newestMessage(log: ConversationLog, conversation: string, head: LogHead, windows: readonly Window[], floor: number, nowMs: number): MaybePromise<Entry | undefined> {
  const { from, to } = windows[windows.length - 1];
  const end = Math.min(to, head.head);
  // Mostly it is the last place of all.
  const last = end >= Math.max(from, floor + 1, head.first) ? entryFrom(log, conversation, end) : undefined;
  return withValue(last, (entry) => {
    const isIt = entry?.seq === end && isCounted(entry) && goneFor(entry, nowMs) === undefined;
    return isIt ? entry : searchNewest(log, conversation, head, windows, floor, nowMs);
  });
}

async function searchNewest(log: ConversationLog, conversation: string, head: LogHead, windows: readonly Window[], floor: number, nowMs: number): Promise<Entry | undefined> {
  let looked = 0;
  for (let i = windows.length - 1; i >= 0; i--) {
    const from = Math.max(windows[i].from, floor + 1, head.first);
    for (let to = Math.min(windows[i].to, head.head); to >= from && looked < MOST_GONE; looked++) {
      const entry = await newestCounted(log, conversation, head, from, to);
      if (!entry) break;
      if (goneFor(entry, nowMs) === undefined) return entry;
      to = entry.seq - 1;
    }
  }
  return undefined;
}

/** Mostly the last one. Else the first place with the count of the last one is found by halves: however many reactions follow a message. */
async function newestCounted(log: ConversationLog, conversation: string, head: LogHead, from: number, to: number): Promise<Entry | undefined> {
  const last = await entryFrom(log, conversation, to);
  if (last?.seq === to && isCounted(last)) return last;
  const counted = await countedTo(log, conversation, head, to);
  if (counted === (await countedTo(log, conversation, head, from - 1))) return undefined;
  let [low, high] = [from, to];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await countedTo(log, conversation, head, middle)) === counted) high = middle;
    else low = middle + 1;
  }
  return entryFrom(log, conversation, low);
}
