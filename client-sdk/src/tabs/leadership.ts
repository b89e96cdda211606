import { backoffMs } from '../backoff.js';
import { Deferred } from '../wait.js';
import type { FillRandom } from 'godwit-schemas';
import type { Host } from './host.js';
import type { TabPlatform } from './platform.js';

/** Bounds of the wait of a tab that could not lead before it stands in line again, milliseconds. */
const waitMs = { least: 500, most: 30_000 } as const;

export interface LeadershipHooks {
  readonly platform: TabPlatform;
  /** Whoever holds this lock leads. */
  readonly lock: string;
  readonly random: FillRandom;
  host(): Host;
  /** This tab was to lead, and cannot. It tries again later; another may meanwhile. */
  failed(error: unknown): void;
}

/** This tab's place in the line of those that would lead: the lock is held for life, and the next in line has it then. */
export class Leadership {
  readonly #left = new AbortController();
  readonly #leave = new Deferred<void>();
  #failures = 0;
  readonly #ended: Promise<void>;
  #closing: unknown;

  constructor(private readonly hooks: LeadershipHooks) {
    this.#ended = this.#stand();
  }

  /** Hands over, or leaves the line. @throws what closing the client throws. */
  async close(): Promise<void> {
    this.#leave.resolve();
    this.#left.abort();
    await this.#ended;
    if (this.#closing !== undefined) throw this.#closing;
  }

  async #stand(): Promise<void> {
    const { platform, lock, random, failed } = this.hooks;
    while (!this.#left.signal.aborted) {
      try {
        await platform.locks.request(lock, { signal: this.#left.signal }, () => this.#lead());
      } catch (error) {
        if (this.#left.signal.aborted) return;
        failed(error);
        await this.#pause(backoffMs(this.#failures++, waitMs.least, waitMs.most, random));
      }
    }
  }

  async #lead(): Promise<void> {
    if (this.#left.signal.aborted) return;
    const host = this.hooks.host();
    try {
      await host.open();
      this.#failures = 0;
      await this.#leave.promise;
    } finally {
      await host.close().catch((error: unknown) => (this.#closing = error));
    }
  }

  async #pause(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([new Promise((resolve) => (timer = setTimeout(resolve, ms))), this.#leave.promise]);
    clearTimeout(timer);
  }
}
