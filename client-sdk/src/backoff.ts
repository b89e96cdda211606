import type { FillRandom } from 'godwit-schemas';

/** A number from 0 (included) to 1 (excluded). */
export function unitRandom(random: FillRandom): number {
  const bytes = new Uint8Array(4);
  random(bytes);
  return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
}

/**
 * Exponential backoff with full jitter: anything between 0 and the bound, which doubles from `minMs` to `maxMs`
 * (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). A server that restarts is not met by
 * everyone at once.
 * @param tries failures before this one.
 */
export function backoffMs(tries: number, minMs: number, maxMs: number, random: FillRandom): number {
  return Math.round(unitRandom(random) * Math.min(maxMs, minMs * 2 ** Math.min(tries, 30)));
}
