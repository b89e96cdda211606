import { createLocalJWKSet, errors, type CryptoKey, type JSONWebKeySet, type JWSHeaderParameters } from 'jose';

export interface KeysOptions {
  url: string;
  /** After a fetch, good or bad, there is no other one for so long. Default 30 s. */
  cooldownMs?: number;
  /** Keys older than this are fetched again in the background. Default 10 minutes. */
  refreshMs?: number;
  /** Default 5 s. */
  timeoutMs?: number;
  /** Milliseconds of a clock that is never set back. */
  now?: () => number;
}

/**
 * The keys at a JWKS address (RFC 7517 5). They are fetched at the start, in the background when they have become old,
 * and when a token names a key that is not among them. While the address is away, the keys at hand go on being used.
 * (jose's own remote set drops them when they are old, and its cooldown does not count fetches that failed.)
 */
export class Keys {
  /** Told of every fetch that failed, and of keys that cannot be used. */
  failed: (error: unknown) => void = () => {};
  private keySet: ReturnType<typeof createLocalJWKSet> | undefined;
  private pending: Promise<void> | undefined;
  private triedAt = -Infinity;
  private away = true;
  private readonly url: string;
  private readonly cooldownMs: number;
  private readonly refreshMs: number;
  private readonly timeoutMs: number;
  private readonly now: () => number;

  constructor({ url, cooldownMs = 30_000, refreshMs = 600_000, timeoutMs = 5_000, now = () => performance.now() }: KeysOptions) {
    this.url = url;
    this.cooldownMs = cooldownMs;
    this.refreshMs = refreshMs;
    this.timeoutMs = timeoutMs;
    this.now = now;
  }

  /** The keys that may have signed a token with this header; none: nobody's. 'unavailable': the keys could not be fetched. */
  async find(header: JWSHeaderParameters): Promise<CryptoKey[] | 'unavailable'> {
    if (this.keySet && this.now() - this.triedAt >= this.refreshMs) void this.fetch();
    const found = await this.among(header);
    if (found.length > 0) return found;
    await this.fetch();
    const again = await this.among(header);
    return again.length > 0 || !this.away ? again : 'unavailable';
  }

  /** Fetches the keys, unless that was done a moment ago. Never rejects: `failed` is told. */
  fetch(): Promise<void> {
    if (this.pending) return this.pending;
    if (this.now() - this.triedAt < this.cooldownMs) return Promise.resolve();
    this.triedAt = this.now();
    this.pending = this.load().finally(() => (this.pending = undefined));
    return this.pending;
  }

  private async load(): Promise<void> {
    try {
      const signal = AbortSignal.timeout(this.timeoutMs);
      const response = await fetch(this.url, { headers: { accept: 'application/jwk-set+json, application/json' }, redirect: 'error', signal });
      if (response.status !== 200) throw new Error(`the answer has status ${response.status}`);
      this.keySet = createLocalJWKSet((await response.json()) as JSONWebKeySet);
      this.away = false;
    } catch (error) {
      this.away = true;
      this.failed(error);
    }
  }

  private async among(header: JWSHeaderParameters): Promise<CryptoKey[]> {
    if (!this.keySet) return [];
    try {
      return [await this.keySet(header)];
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return collect(error);
      if (!(error instanceof errors.JWKSNoMatchingKey)) this.failed(error);
      return [];
    }
  }
}

/** A token without a `kid` may be of any key of its kind. */
async function collect(keys: AsyncIterable<CryptoKey>): Promise<CryptoKey[]> {
  const all: CryptoKey[] = [];
  for await (const key of keys) all.push(key);
  return all;
}
