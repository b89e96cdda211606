import { setImmediate as otherWork } from 'node:timers/promises';
import type { ConversationLog, LogHead, MaybePromise, OwnCount, ReadLimit, Window } from '../../broker/ports/conversation-log.js';
import { isCounted, isFrom } from '../../broker/ports/entries.js';
import { countedTo } from './newest.js';
import { withValue } from './with-value.js';

/** Places up to which it is remembered what a user wrote; those unused the longest are counted again. */
const REMEMBERED = 10_000;
const PAGE: ReadLimit = { entries: 256, bytes: 65_536, withoutMessages: true };

/** Of one conversation, at one moment. */
export interface Counts {
  readonly head: LogHead;
  readonly windows: readonly Window[];
  readonly own: OwnCount;
}

/**
 * How many messages are unread: what is counted behind a place, a subtraction, less what the user wrote there. Of that
 * the log knows the sum, which is all of it for who reads nothing and none of it for who read after they last wrote.
 * Only for who wrote on both sides of the place the log is read, once: what lies before a place never changes.
 */
export class UnreadCounts {
  private readonly ownUpTo = new Map<string, { place: number; counted: number }>();

  constructor(private readonly log: ConversationLog) {}

  /** @param floor the last place that counts as read */
  behind(user: string, conversation: string, { head, windows, own }: Counts, floor: number): MaybePromise<number> {
    const read = Math.max(floor, head.first - 1);
    return withValue(this.counted(conversation, head, windows, read), (counted) => {
      if (counted === 0) return 0;
      const written = this.ownBehind(user, conversation, own, read, Math.max(windows[0].from, head.first) - 1, windows[0].from - 1);
      // What is trimmed meanwhile must not take it below 0.
      return withValue(written, (count) => Math.max(0, counted - count));
    });
  }

  /** What counts behind this place, within the windows from the `index`th on. */
  private counted(conversation: string, head: LogHead, windows: readonly Window[], read: number, index = 0): MaybePromise<number> {
    if (index === windows.length) return 0;
    const window = windows[index];
    const [from, to] = [Math.max(read, window.from - 1), Math.min(head.head, window.to)];
    const within = from < to ? withValue(countedTo(this.log, conversation, head, to), (upTo) => withValue(countedTo(this.log, conversation, head, from), (before) => upTo - before)) : 0;
    return withValue(within, (count) => withValue(this.counted(conversation, head, windows, read, index + 1), (rest) => count + rest));
  }

  /**
   * @param kept the log can be read behind this place
   * @param begin nothing was theirs up to here
   */
  private ownBehind(user: string, conversation: string, { counted, last }: OwnCount, place: number, kept: number, begin: number): MaybePromise<number> {
    if (last <= place) return 0;
    if (place <= begin) return counted;
    const key = `${user} ${conversation}`;
    const before = this.ownUpTo.get(key);
    this.ownUpTo.delete(key);
    const known = before && before.place >= kept ? before : undefined;
    const upTo = known?.place === place ? known.counted : this.countUpTo(user, conversation, counted, last, place, known);
    return withValue(upTo, (count) => {
      this.ownUpTo.set(key, { place, counted: count });
      if (this.ownUpTo.size > REMEMBERED) this.ownUpTo.delete(this.ownUpTo.keys().next().value!);
      return counted - count;
    });
  }

  /** From the place that was asked for before, or back from the newest: whichever is nearer. */
  private async countUpTo(user: string, conversation: string, counted: number, last: number, place: number, known: { place: number; counted: number } | undefined): Promise<number> {
    if (known && known.place < place && place - known.place < last - place) return known.counted + (await this.scan(user, conversation, known.place, place));
    return counted - (await this.scan(user, conversation, place, last));
  }

  /** What of (after, upTo] they wrote. */
  private async scan(user: string, conversation: string, after: number, upTo: number): Promise<number> {
    let found = 0;
    for (let at = after + 1; at <= upTo; ) {
      const entries = await this.log.read(conversation, at, PAGE);
      if (entries.length === 0) break;
      for (const entry of entries) if (entry.seq <= upTo && isCounted(entry) && isFrom(user, entry)) found++;
      at = entries[entries.length - 1].seq + 1;
      if (at <= upTo) await otherWork();
    }
    return found;
  }
}
