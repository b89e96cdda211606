import type { Limiter } from '../ports/plugin.js';

export interface RateLimiterOptions {
  /** How many become free a minute, evenly; 0 = no limit. */
  perMinute: number;
  /** How many may be taken at once after a pause; at least 1. Default: `perMinute`. */
  burst?: number;
  /** At most this many keys are remembered; those beyond it share one bucket. */
  maxKeys: number;
  /** Milliseconds, of any clock. */
  now: () => number;
}

/** Of a full table, how many keys are looked at to make room for a new one. */
const LOOKS_WHEN_FULL = 32;
/** How many are looked at anyway, so that a table which was large once becomes small again. */
const LOOKS = 2;

/**
 * Token buckets by key, one number each: the time at which the bucket is full again (the "theoretical arrival time"
 * of GCRA, ITU-T I.371). A bucket that is full is the same as none, so forgetting it loses nothing. A bucket that is
 * not full is never forgotten: who fills the table with new keys gets one bucket for all of those that find no room.
 */
export class RateLimiter implements Limiter {
  private readonly fullAt = new Map<string, number>();
  /** The bucket of the keys that found no room. */
  private sharedFullAt = -Infinity;
  private readonly interval: number;
  private readonly burst: number;
  private readonly maxKeys: number;
  private readonly now: () => number;
  /** Goes round the table, oldest keys first. A Map's iterator stands where it is while keys come and go. */
  private hand: Iterator<[string, number]>;

  constructor({ perMinute, burst = perMinute, maxKeys, now }: RateLimiterOptions) {
    this.interval = perMinute === 0 ? 0 : 60_000 / perMinute;
    this.burst = Math.max(1, burst);
    this.maxKeys = maxKeys;
    this.now = now;
    this.hand = this.fullAt.entries();
  }

  /** Takes so many, `burst` at most. 0: they were free; else nothing was taken, and they will be free after so many milliseconds. */
  take(key: string, count = 1): number {
    if (this.interval === 0) return 0;
    const now = this.now();
    const fullAt = this.fullAtOf(key, now);
    const wait = this.waitOf(fullAt, now, count);
    if (wait === 0) this.store(key, fullAt + count * this.interval, now);
    return wait;
  }

  /** What `take` would answer, without taking. */
  peek(key: string): number {
    if (this.interval === 0) return 0;
    const now = this.now();
    return this.waitOf(this.fullAtOf(key, now), now);
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.fullAt.size;
  }

  private fullAtOf(key: string, now: number): number {
    const known = this.fullAt.get(key) ?? (this.roomFor(now) ? now : this.sharedFullAt);
    // An empty bucket is full after `burst` intervals. More than that means that the clock was set back.
    const emptyFullAt = now + this.burst * this.interval;
    if (known > emptyFullAt) this.store(key, emptyFullAt, now);
    return Math.min(Math.max(known, now), emptyFullAt);
  }

  private waitOf(fullAt: number, now: number, count = 1): number {
    const wait = fullAt - now - (this.burst - count) * this.interval;
    // Sums of fractions: a millionth of a millisecond is no wait.
    return wait > 1e-6 ? Math.ceil(wait) : 0;
  }

  private store(key: string, fullAt: number, now: number): void {
    if (this.fullAt.has(key)) this.fullAt.set(key, fullAt);
    else if (this.roomFor(now)) {
      this.forgetFull(LOOKS, now);
      this.fullAt.set(key, fullAt);
    } else this.sharedFullAt = fullAt;
  }

  private roomFor(now: number): boolean {
    if (this.fullAt.size >= this.maxKeys) this.forgetFull(LOOKS_WHEN_FULL, now);
    return this.fullAt.size < this.maxKeys;
  }

  private forgetFull(looks: number, now: number): void {
    for (let i = 0; i < looks; i++) {
      let next = this.hand.next();
      if (next.done) {
        this.hand = this.fullAt.entries();
        next = this.hand.next();
        if (next.done) return;
      }
      const [key, fullAt] = next.value;
      if (fullAt <= now) this.fullAt.delete(key);
    }
  }
}
