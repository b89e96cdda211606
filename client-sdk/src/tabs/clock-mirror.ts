import { monotonicMs } from '../wait.js';

/**
 * The server's clock, as the leader knows it. All tabs have the same local clock: how far that one is off is true
 * however late it is heard. Otherwise as `Clock`.
 */
export class ClockMirror {
  #aheadMs = 0;
  #monotonicOffset: number;

  /** @param now Unix milliseconds of the device */
  constructor(private readonly now: () => number) {
    this.#monotonicOffset = now() - monotonicMs();
  }

  /** @param aheadMs the server's clock minus the local one */
  told(aheadMs: number): void {
    this.#aheadMs = aheadMs;
    this.#monotonicOffset = this.now() + aheadMs - monotonicMs();
  }

  serverTimeMs(): number {
    return Math.round(Math.max(monotonicMs() + this.#monotonicOffset, this.now() + this.#aheadMs));
  }
}
