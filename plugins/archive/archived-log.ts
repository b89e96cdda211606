import { isUnavailable } from '../../broker/ports/availability.js';
import type { ArchivableLog, Archive, ArchivedMessage } from '../../broker/ports/archive.js';
import { EntryState } from '../../broker/ports/conversation-log.js';
import { Turns } from '../../broker/ports/turns.js';
import type { Append, ConversationLog, Entry, Hole, LogHead, MaybePromise, OwnCount, ReadLimit, SweepReport, Trimmable, Window } from '../../broker/ports/conversation-log.js';

/**
 * A log with its old messages in an archive. The log keeps every place and is the authority on it; only messages move.
 * So a place is never missing or there twice while its message moves: it is read from the one or the other, by its
 * state. What changes a place and what moves it take turns, a conversation at a time.
 */
export class ArchivedLog implements ConversationLog {
  /** What changes a conversation's places, or moves them. */
  readonly turns = new Turns();
  /** What is gone from the log, and not yet from the archive: up to which place. */
  private readonly gone = new Map<string, number>();

  constructor(
    private readonly log: ArchivableLog,
    private readonly archive: Archive,
  ) {}

  append(batch: readonly Append[]): Promise<void> {
    return this.log.append(batch);
  }

  /** @throws RefusedError UNAVAILABLE where a message lies in the archive and that is away */
  read(conversation: string, from: number, limit: ReadLimit): MaybePromise<readonly Entry[]> {
    const entries = this.log.read(conversation, from, limit);
    if (entries instanceof Promise) return entries.then((found) => this.whole(conversation, from, limit, found));
    return this.whole(conversation, from, limit, entries);
  }

  head(conversation: string): MaybePromise<LogHead | undefined> {
    return this.log.head(conversation);
  }

  holes(conversation: string): MaybePromise<readonly Hole[]> {
    return this.log.holes(conversation);
  }

  conversationsOf(user: string): MaybePromise<readonly string[]> {
    return this.log.conversationsOf(user);
  }

  membersOf(conversation: string): MaybePromise<readonly string[]> {
    return this.log.membersOf(conversation);
  }

  windowsOf(conversation: string, user: string): MaybePromise<readonly Window[]> {
    return this.log.windowsOf(conversation, user);
  }

  allWindows(conversation: string): MaybePromise<ReadonlyMap<string, readonly Window[]>> {
    return this.log.allWindows(conversation);
  }

  ownOf(conversation: string, user: string): MaybePromise<OwnCount> {
    return this.log.ownOf(conversation, user);
  }

  async forgetUser(user: string): Promise<void> {
    const theirs = await this.log.conversationsOf(user);
    await this.log.forgetUser(user);
    for (const conversation of theirs) {
      const head = await this.log.head(conversation);
      if (head && head.first > head.head) this.gone.set(conversation, head.head);
    }
    await this.clear();
  }

  /** The archive first: what it does not have any more, nobody is given, whatever happens in between. */
  erase(conversation: string, seq: number, state: EntryState.Erased | EntryState.Expired): Promise<boolean> {
    return this.turns.take(conversation, async () => {
      await this.archive.erase(conversation, seq);
      return this.log.erase(conversation, seq, state);
    });
  }

  async trim(conversation: string, upTo: number): Promise<void> {
    await this.log.trim(conversation, upTo);
    await this.archive.trim(conversation, upTo);
  }

  async sweep(nowMs: number, trimmable?: (conversation: string, oldestSentAtMs: number) => MaybePromise<Trimmable | undefined>): Promise<SweepReport> {
    const report = await this.log.sweep(nowMs, trimmable, (conversation, upTo) => this.gone.set(conversation, upTo));
    try {
      await this.clear();
      if (report.expired > 0 || trimmable) await this.archive.expire(nowMs);
    } catch (error) {
      // It is tried again with the next sweep.
      if (!isUnavailable(error)) throw error;
    }
    return report;
  }

  beginTerm(): Promise<void> {
    return this.log.beginTerm();
  }

  /** Takes out of the archive what is gone from the log. @throws RefusedError UNAVAILABLE */
  private async clear(): Promise<void> {
    for (const [conversation, upTo] of this.gone) {
      await this.archive.trim(conversation, upTo);
      if (this.gone.get(conversation) === upTo) this.gone.delete(conversation);
    }
  }

  private whole(conversation: string, from: number, limit: ReadLimit, entries: readonly Entry[]): MaybePromise<readonly Entry[]> {
    return !limit.withoutMessages && entries.some(isArchived) ? this.fetch(conversation, from, limit, entries, false) : entries;
  }

  private async fetch(conversation: string, from: number, limit: ReadLimit, entries: readonly Entry[], inTurn: boolean): Promise<readonly Entry[]> {
    const places = entries.filter(isArchived);
    const messages = await this.archive.read(conversation, places[0].seq, places[places.length - 1].seq, { entries: entries.length, bytes: limit.bytes });
    const whole: Entry[] = [];
    let bytes = 0;
    let next = 0;
    for (const entry of entries) {
      if (bytes >= limit.bytes) break;
      let read = entry;
      if (isArchived(entry)) {
        while (next < messages.length && messages[next].seq < entry.seq) next++;
        if (messages[next]?.seq === entry.seq) read = joined(entry, messages[next]);
        // Taken back since the log was read, or lost: who looks in turn knows.
        else if (!inTurn) return this.turns.take(conversation, () => this.again(conversation, from, limit));
      }
      whole.push(read);
      bytes += read.end - read.start;
    }
    return whole;
  }

  private async again(conversation: string, from: number, limit: ReadLimit): Promise<readonly Entry[]> {
    const entries = await this.log.read(conversation, from, limit);
    return entries.some(isArchived) ? this.fetch(conversation, from, limit, entries, true) : entries;
  }
}

function isArchived({ state }: Entry): boolean {
  return state === EntryState.Archived;
}

function joined({ seq, sentAtMs, expiresAtMs, flags, counted }: Entry, { message, stamp, aux }: ArchivedMessage): Entry {
  const buffer = bufferOf(message);
  return { seq, sentAtMs, expiresAtMs, state: EntryState.Live, flags, counted, buffer, start: 0, end: buffer.length, stamp, aux: aux && bufferOf(aux) };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
