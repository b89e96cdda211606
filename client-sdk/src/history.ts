import type { Places } from './places.js';
import { ranges, seqOfKey } from './records.js';
import { decodeStored, expiresAt, show, type Shown } from './stored-message.js';
import type { Store } from './store.js';

/** Which page of a conversation. */
export interface PageOptions {
  /** Only places before this one; left out: the newest. */
  readonly before?: number;
  /** At most this many. Default 50. */
  readonly limit?: number;
  /** Only what is stored here: what is missing is not fetched. */
  readonly stored?: boolean;
}

/** Places read at a time. */
const atATime = 256;

export interface HistoryHooks {
  readonly user: string;
  now(): number;
  /** Fetches what lies before all that is stored. True if there is more now. */
  fetch(conversation: string, limit: number): Promise<boolean>;
  /** Tries again what could not be opened when it came. True if some of it can be read now. */
  open(conversation: string, seqs: readonly number[]): Promise<boolean>;
}

/** What is stored, as the app reads it. */
export class History {
  constructor(
    private readonly store: Store,
    private readonly places: Places,
    private readonly hooks: HistoryHooks,
  ) {}

  /**
   * A page in the order of seq: messages with what is folded into them, gaps, and what could not be decoded. Nothing
   * that has disappeared. What is not stored here is fetched, while connected.
   */
  async page(conversation: string, { before = Number.MAX_SAFE_INTEGER, limit = 50, stored = false }: PageOptions): Promise<Shown[]> {
    for (;;) {
      const shown = await this.#stored(conversation, before, limit);
      if (stored || shown.length >= limit || !(await this.hooks.fetch(conversation, limit - shown.length))) return shown;
    }
  }

  async #stored(conversation: string, before: number, limit: number): Promise<Shown[]> {
    const shown: Shown[] = [];
    for (let end = before; shown.length < limit; ) {
      const most = Math.min(limit, atATime);
      const rows = (await this.store.range({ ...ranges.messages(conversation, 0, end - 1), limit: most, reverse: true }))
        .map(([key, record]) => ({ seq: seqOfKey(key), stored: decodeStored(record) }));
      // There may be a cipher for it by now.
      const sealed = rows.filter(({ stored }) => stored.head.kind === 'sealed').map(({ seq }) => seq);
      if (sealed.length > 0 && (await this.hooks.open(conversation, sealed.reverse()))) continue;
      for (const { seq, stored } of rows) {
        const expires = expiresAt(stored.head);
        if (expires !== undefined && expires <= this.hooks.now()) continue;
        const one = show(conversation, seq, stored, this.hooks.user, this.places.get(conversation));
        if (one && shown.length < limit) shown.push(one);
      }
      if (rows.length < most) break;
      end = rows[rows.length - 1].seq;
    }
    return shown.reverse();
  }
}
