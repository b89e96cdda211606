import type { Connection } from './transport.js';
import { monotonicMs, Timer } from './wait.js';

/**
 * Notices a dead connection soon while something waits for an answer: after `quietMs` without a sign of life a ping,
 * and `pingTimeoutMs` later it is dead. When nothing waits it costs nothing; the keepalive is then enough.
 */
export class Liveness {
  #heardAt = 0;
  #pinged = false;
  #timer = new Timer();

  constructor(
    private readonly connection: Connection,
    private readonly timing: { readonly quietMs: number; readonly pingTimeoutMs: number },
    private readonly waiting: () => boolean,
    private readonly dead: () => void,
  ) {}

  /** Something was sent that is to be answered. */
  expect(): void {
    if (this.#timer.running) return;
    this.#heardAt = monotonicMs();
    this.#timer.set(this.timing.quietMs, () => this.#look());
  }

  /** Whether it is alive, now: a ping, and `pingTimeoutMs` later it is dead if nothing was heard since. */
  check(): void {
    if (!this.#pinged) this.#ping();
  }

  heard(): void {
    this.#heardAt = monotonicMs();
    this.#pinged = false;
  }

  stop(): void {
    this.#timer.clear();
  }

  #look(): void {
    if (this.#pinged) return this.dead();
    if (!this.waiting()) return;
    const left = this.#heardAt + this.timing.quietMs - monotonicMs();
    if (left > 0) this.#timer.set(left, () => this.#look());
    else this.#ping();
  }

  #ping(): void {
    this.#pinged = true;
    this.connection.ping();
    this.#timer.set(this.timing.pingTimeoutMs, () => this.#look());
  }
}
