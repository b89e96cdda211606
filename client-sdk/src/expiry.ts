import type { Clock } from './clock.js';
import type { Inbox } from './inbox.js';
import type { Messages } from './messages.js';
import { partsOfExpiryKey, ranges } from './records.js';
import type { Store } from './store.js';
import { Timer } from './wait.js';

/** Looks at least this often: devices sleep. */
const longestMs = 3_600_000;

/** Takes messages out of the store when their time is over. The app hides them by `expiresAtMs`. */
export class Expiry {
  #timer = new Timer();
  #stopped = false;
  /** When the next one disappears, by the server's clock. */
  #due = Infinity;

  constructor(
    private readonly store: Store,
    private readonly inbox: Inbox,
    private readonly messages: Messages,
    private readonly clock: Clock,
    /** Asks the server for its time; resolves when that is known, or cannot be had now. */
    private readonly measure: () => Promise<void>,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Removes what is due, and comes back when the next one is. */
  async sweep(): Promise<void> {
    // What is deleted by a clock that is wrong is gone too early.
    if (this.clock.doubtful && this.#due < Infinity) await this.measure();
    if (this.#stopped) return;
    await this.inbox.run(async (tx) => {
      for await (const [key] of tx.rows(ranges.expired(this.clock.surelyMs()))) {
        const { conversation, seq } = partsOfExpiryKey(key);
        tx.delete(key);
        await this.messages.remove(conversation, seq, tx);
      }
    });
    if (this.#stopped) return;
    const [first] = await this.store.range({ ...ranges.expiries, limit: 1 });
    if (first) this.#next(partsOfExpiryKey(first[0]).atMs);
    else if (!this.#timer.running) this.#due = Infinity;
  }

  /** Something disappears at this time. */
  look(atMs: number): void {
    this.#next(atMs);
    this.wake();
  }

  /** To be called when the clock has moved. */
  plan(): void {
    if (!this.#stopped && this.#due < Infinity) this.#sweepAt(this.#due);
  }

  /** Connected, or awake: where the clock is in doubt and something is to disappear, the server can be asked now. */
  wake(): void {
    if (!this.#stopped && this.clock.doubtful && this.#due < Infinity) this.#sweepIn(0);
  }

  #next(atMs: number): void {
    if (this.#stopped || (this.#timer.running && atMs >= this.#due)) return;
    this.#due = atMs;
    this.#sweepAt(atMs);
  }

  #sweepAt(atMs: number): void {
    this.#sweepIn(Math.min(atMs - this.clock.surelyMs() + 1, longestMs));
  }

  #sweepIn(ms: number): void {
    this.#timer.set(ms, () => void this.sweep().catch(this.failed));
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.clear();
  }
}
