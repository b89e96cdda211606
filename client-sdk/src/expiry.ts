import type { Inbox } from './inbox.js';
import type { Messages } from './messages.js';
import { partsOfExpiryKey, ranges } from './records.js';
import type { Store } from './store.js';
import { Timer } from './wait.js';

/** Looks at least this often: clocks are set. */
const longestMs = 3_600_000;

/** Takes messages out of the store when their time is over. The app hides them by `expiresAtMs`. */
export class Expiry {
  #timer = new Timer();
  #stopped = false;

  constructor(
    private readonly store: Store,
    private readonly inbox: Inbox,
    private readonly messages: Messages,
    private readonly now: () => number,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Removes what is due, and comes back when the next one is. */
  async sweep(): Promise<void> {
    await this.inbox.run(async (tx) => {
      for await (const [key] of tx.rows(ranges.expired(this.now()))) {
        const { conversation, seq } = partsOfExpiryKey(key);
        tx.delete(key);
        await this.messages.remove(conversation, seq, tx);
      }
    });
    const [first] = await this.store.range({ ...ranges.expiries, limit: 1 });
    if (first && !this.#stopped) this.look(partsOfExpiryKey(first[0]).atMs);
  }

  /** Something disappears at this time. */
  look(atMs: number): void {
    if (this.#stopped || (this.#timer.running && atMs >= this.#due)) return;
    this.#due = atMs;
    this.#timer.set(Math.min(atMs - this.now() + 1, longestMs), () => void this.sweep().catch(this.failed));
  }

  #due = 0;

  stop(): void {
    this.#stopped = true;
    this.#timer.clear();
  }
}
