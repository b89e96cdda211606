import type { Calls } from './calls.js';
import type { Clock } from './clock.js';
import type { Debug } from './options.js';
import type { Tokens } from './token.js';
import { monotonicMs, Timer } from './wait.js';

/** After a renewal, the next one at the earliest; when the token ends before that, the server ends the connection. */
const againMs = 5_000;

/** Keeps a connection beyond its token's end: asks for a new token in time, and calls `auth.renew`. */
export class Renewal {
  #timer = new Timer();
  /** Of the present connection. */
  #token: string | undefined;
  /** On the monotonic clock. */
  #notBefore = 0;
  #measuring: Promise<void> | undefined;

  constructor(
    private readonly tokens: Tokens,
    private readonly calls: Calls,
    private readonly clock: Clock,
    private readonly debug: Debug,
  ) {}

  /** Connected with this token. */
  start(token: string): void {
    this.#token = token;
    if (this.#renewAtMs() < Infinity && this.clock.doubtful) void this.measure().then(() => this.plan());
    else this.plan();
  }

  stop(): void {
    this.#token = undefined;
    this.#timer.clear();
  }

  /** Asks the server for its time: the answer of a renewal has it, and a token that is good may be renewed by itself. Never rejects. */
  measure(): Promise<void> {
    if (this.#token === undefined) return Promise.resolve();
    this.#measuring ??= this.#call(this.#token)
      .catch((error) => this.debug({ what: 'clock not measured', error }))
      .finally(() => (this.#measuring = undefined));
    return this.#measuring;
  }

  /** To be called again when the clock has moved. */
  plan(): void {
    const at = this.#renewAtMs();
    if (at < Infinity) this.#timer.set(Math.max(at - this.clock.serverTimeMs(), this.#notBefore - monotonicMs()), () => void this.#renew());
  }

  #renewAtMs(): number {
    return this.#token !== undefined && this.tokens.renewable ? this.tokens.renewAtMs(this.#token) : Infinity;
  }

  async #renew(): Promise<void> {
    try {
      const token = await this.tokens.fetch();
      if (this.#token === undefined) return;
      await this.#call(token);
      if (this.#token === undefined) return;
      this.#token = token;
      this.debug({ what: 'token renewed' });
      // A token that comes old, or a clock that is wrong, makes no loop.
      this.#notBefore = monotonicMs() + againMs;
      this.plan();
    } catch (error) {
      this.debug({ what: 'token not renewed', error });
      if (this.#token !== undefined) this.#timer.set(againMs, () => void this.#renew());
    }
  }

  async #call(token: string): Promise<void> {
    const askedAt = monotonicMs();
    const { serverTimeMs } = await this.calls.call('auth.renew', { token });
    if (serverTimeMs > 0n) this.clock.measured(Number(serverTimeMs), askedAt);
  }
}
