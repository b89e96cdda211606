import { decodeRecord, encodeRecord, keys } from './records.js';
import type { Store } from './store.js';
import { monotonicMs } from './wait.js';

/** How far local and monotonic clock may part before one of them is not believed. */
const doubtMs = 2_000;
/** A difference that has changed by this much is told, and kept anew. */
const movedMs = 1_000;
/** How fast two clocks may run apart: 100 parts in a million, which is more than quartz does. */
const drift = 1e-4;

interface Kept {
  /** Server's clock minus local clock. */
  offsetMs: number;
}

export interface ClockHooks {
  /** Unix milliseconds of the device. Anyone may set it. */
  readonly now: () => number;
  /** The estimate is another than what was planned by. @param record to be kept, for the next run */
  moved(record: Uint8Array): void;
}

/**
 * The server's clock, as well as it is known here. An answer that carries the server's time says where its clock was
 * at some moment between question and answer (F. Cristian, "Probabilistic Clock Synchronization", 1989): the
 * intersection of such answers is the estimate. It is held against the monotonic clock, which nobody sets, and against
 * the local one, which goes on while the device sleeps.
 */
export class Clock {
  #monotonicOffset: number;
  #localOffset: number;
  /** Bounds of the monotonic offset, and when they were found. */
  #bounds: { low: number; high: number; at: number } | undefined;
  #kept: number | undefined;

  /** @param kept what was measured in an earlier run: server's minus local clock, milliseconds */
  constructor(
    private readonly hooks: ClockHooks,
    kept?: number,
  ) {
    this.#kept = kept;
    this.#localOffset = kept ?? 0;
    this.#monotonicOffset = hooks.now() + this.#localOffset - monotonicMs();
  }

  static async load(store: Store, hooks: ClockHooks): Promise<Clock> {
    const record = await store.get(keys.clock);
    return new Clock(hooks, record && decodeRecord<Kept>(record).head.offsetMs);
  }

  /**
   * The best estimate, Unix milliseconds; the local clock until something is known. A local clock that has gone
   * further than the monotonic one is followed, for devices sleep more often than their clocks are set; one that was
   * set back is not.
   */
  serverTimeMs(): number {
    return Math.round(Math.max(this.#byMonotonic(), this.#byLocal()));
  }

  /** Not later than the server's clock, whatever was done to the local one: for what cannot be taken back. After a sleep it may be much earlier. */
  surelyMs(): number {
    return Math.floor(this.#byMonotonic());
  }

  /** It was never measured, or the device has slept or its clock was set: worth an answer from the server. */
  get doubtful(): boolean {
    return this.#kept === undefined || Math.abs(this.#byMonotonic() - this.#byLocal()) > doubtMs;
  }

  /**
   * An answer with the server's time has arrived.
   * @param serverMs Unix milliseconds, whole ones
   * @param askedAt when the question was not yet asked, on the monotonic clock
   */
  measured(serverMs: number, askedAt: number): void {
    const at = monotonicMs();
    let low = serverMs - at;
    let high = serverMs + 1 - askedAt;
    if (this.#bounds) {
      const slack = (at - this.#bounds.at) * drift;
      const had = { low: this.#bounds.low - slack, high: this.#bounds.high + slack };
      // What contradicts this answer is of before a sleep, or of before the server's clock was set.
      if (had.low <= high && low <= had.high) [low, high] = [Math.max(low, had.low), Math.min(high, had.high)];
    }
    this.#bounds = { low, high, at };
    this.#monotonicOffset = (low + high) / 2;
    this.#localOffset = at + this.#monotonicOffset - this.hooks.now();
    if (this.#kept === undefined || Math.abs(this.#localOffset - this.#kept) > movedMs) this.#moved();
  }

  #byMonotonic(): number {
    return monotonicMs() + this.#monotonicOffset;
  }

  #byLocal(): number {
    return this.hooks.now() + this.#localOffset;
  }

  #moved(): void {
    const offsetMs = Math.round(this.#localOffset);
    this.#kept = offsetMs;
    this.hooks.moved(encodeRecord({ offsetMs }));
  }
}
