import type { Calls } from './calls.js';
import type { Debug } from './options.js';
import type { Tokens } from './token.js';
import { Timer } from './wait.js';

/** After a renewal that failed, the next try; when the token ends before that, the server ends the connection. */
const againMs = 5_000;

/** Keeps a connection beyond its token's end: asks for a new token in time, and calls `auth.renew`. */
export class Renewal {
  #timer = new Timer();
  #connected = false;

  constructor(
    private readonly tokens: Tokens,
    private readonly calls: Calls,
    private readonly now: () => number,
    private readonly debug: Debug,
  ) {}

  /** Connected with this token. */
  start(token: string): void {
    this.#connected = true;
    this.#plan(token);
  }

  stop(): void {
    this.#connected = false;
    this.#timer.clear();
  }

  #plan(token: string): void {
    const at = this.tokens.renewAtMs(token);
    if (!this.tokens.renewable || at === Infinity || !this.#connected) return;
    this.#timer.set(at - this.now(), () => void this.#renew());
  }

  async #renew(): Promise<void> {
    try {
      const token = await this.tokens.fetch();
      if (!this.#connected) return;
      await this.calls.call('auth.renew', { token });
      this.debug({ what: 'token renewed' });
      this.#plan(token);
    } catch (error) {
      this.debug({ what: 'token not renewed', error });
      if (this.#connected) this.#timer.set(againMs, () => void this.#renew());
    }
  }
}
