import { Code, GodwitError } from 'godwit-schemas';
import type { TokenSource } from './options.js';

/** What the SDK reads in a token. It is not verified here: that is the server's. */
export interface Claims {
  sub?: string;
  /** Unix seconds. */
  exp?: number;
  iat?: number;
}

/** The claims of a JWT (RFC 7519); empty when it is none. */
export function claimsOf(token: string): Claims {
  try {
    const base64 = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const claims: unknown = JSON.parse(atob(base64));
    return typeof claims === 'object' && claims !== null ? claims : {};
  } catch {
    // Whatever it is, the server will say so.
    return {};
  }
}

/** The token at hand, and where to get the next. */
export class Tokens {
  #token: string | undefined;

  constructor(
    private readonly source: TokenSource,
    private readonly timing: { readonly renewBeforeMs: number; readonly tokenTimeoutMs: number },
    private readonly now: () => number,
  ) {}

  /** The token at hand while it is good for a while yet, or a new one. @throws what the app's function throws. */
  async get(): Promise<string> {
    if (this.#token === undefined || this.now() >= this.renewAtMs(this.#token)) await this.fetch();
    return this.#token!;
  }

  /** A new token from the function. @throws GodwitError UNAVAILABLE when it does not answer in time. */
  async fetch(): Promise<string> {
    const token = typeof this.source === 'string' ? this.source : await this.#ask(this.source);
    if (typeof token !== 'string' || token === '') throw new GodwitError(Code.UNAUTHENTICATED, 'the token function gave no token');
    return (this.#token = token);
  }

  /** It was refused: ask for another. */
  discard(): void {
    this.#token = undefined;
  }

  get renewable(): boolean {
    return typeof this.source !== 'string';
  }

  /** When to renew it, Unix milliseconds; Infinity when it does not expire. */
  renewAtMs(token: string): number {
    const { exp, iat } = claimsOf(token);
    if (typeof exp !== 'number') return Infinity;
    const life = typeof iat === 'number' ? (exp - iat) * 1_000 : Infinity;
    return exp * 1_000 - Math.min(this.timing.renewBeforeMs, life / 10);
  }

  #ask(source: Exclude<TokenSource, string>): Promise<string> {
    return new Promise((resolve, reject) => {
      const { tokenTimeoutMs } = this.timing;
      const late = (): void => reject(new GodwitError(Code.UNAVAILABLE, `the token function gave no answer in ${tokenTimeoutMs} ms`));
      const timer = setTimeout(late, tokenTimeoutMs);
      Promise.resolve()
        .then(source)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }
}
