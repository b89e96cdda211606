import type { ArchivableLog, Archive, ArchivedMessage, ArchiveRule, Places } from '../../broker/ports/archive.js';
import { EntryState, type Entry } from '../../broker/ports/conversation-log.js';
import type { ArchivedLog } from './archived-log.js';

/** What moves in one go; whoever erases in that conversation waits for it. */
const PAGE = { entries: 256, bytes: 256 * 1024 };
/** Conversations of the archive that are held against the log in one go. */
const CHECKED = 100;

/** Moves messages from a log to its archive. */
export class Mover {
  private stopped = false;
  /** The conversation of the archive that was last held against the log. */
  private checked = '';

  constructor(
    private readonly log: ArchivableLog,
    private readonly archive: Archive,
    private readonly whole: ArchivedLog,
  ) {}

  /** Moves what the rule lets move. @returns how many messages. @throws RefusedError UNAVAILABLE: some have moved, the others stay where they are */
  async move(rule: ArchiveRule): Promise<number> {
    let moved = 0;
    for await (const { conversation, from, to } of this.log.archivable(rule)) {
      for (let at = from; at <= to && !this.stopped; ) {
        const page = await this.whole.turns.take(conversation, () => this.movePage({ conversation, from: at, to }));
        moved += page.moved;
        at = page.upTo + 1;
      }
      if (this.stopped) break;
    }
    return moved;
  }

  /**
   * Takes out of the archive what the log does not have any more, of the next so many conversations: it may be left from
   * a crash. What the log does not know at all stays: it may be another's.
   */
  async check(): Promise<void> {
    const conversations = await this.archive.conversations(this.checked, CHECKED);
    for (const conversation of conversations) {
      const head = await this.log.head(conversation);
      if (head && head.first > 1) await this.archive.trim(conversation, head.first - 1);
    }
    this.checked = conversations.length < CHECKED ? '' : conversations[conversations.length - 1];
  }

  /** What is under way ends with its page. */
  stop(): void {
    this.stopped = true;
  }

  /** First they are in the archive, then they leave the log: in between the log's count. */
  private async movePage({ conversation, from, to }: Places): Promise<{ moved: number; upTo: number }> {
    const entries = (await this.log.read(conversation, from, PAGE)).filter(({ seq }) => seq <= to);
    // Without an entry, everything up to `to` is gone.
    const upTo = entries.at(-1)?.seq ?? to;
    const live = entries.filter(({ state }) => state === EntryState.Live);
    if (live.length > 0) await this.archive.put(conversation, live.map(messageOf));
    await this.log.archived(conversation, live.map(({ seq }) => seq), upTo);
    return { moved: live.length, upTo };
  }
}

function messageOf({ seq, buffer, start, end, stamp, aux, expiresAtMs }: Entry): ArchivedMessage {
  return { seq, message: buffer.subarray(start, end), stamp: stamp - start, aux, expiresAtMs };
}
