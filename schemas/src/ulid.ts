/** Fills the whole array with random bytes, as `crypto.getRandomValues` does. */
export type FillRandom = (bytes: Uint8Array) => unknown;

declare const crypto: { getRandomValues(bytes: Uint8Array): unknown } | undefined;

const fillRandom: FillRandom = (bytes) => {
  if (typeof crypto === 'undefined') throw new Error('no crypto.getRandomValues here: pass a source of randomness');
  crypto.getRandomValues(bytes);
};

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const maxTime = 2 ** 48 - 1;

/**
 * A ULID (github.com/ulid/spec): 48 bits of Unix milliseconds, big-endian, then 80 random bits. Two of the same
 * millisecond have no order; a sender of messages uses `createUlid`.
 * @throws RangeError when the time does not fit 48 bits.
 */
export function ulid(nowMs: number, random: FillRandom = fillRandom): Uint8Array {
  const id = new Uint8Array(16);
  random(id);
  writeTime(id, nowMs);
  return id;
}

/**
 * A source of ULIDs that always rise, byte by byte compared, also within a millisecond and when the clock goes back:
 * then the time stays and the random part goes up by one, into the next millisecond when it is used up.
 * @param now Unix milliseconds.
 */
export function createUlid(now: () => number = Date.now, random: FillRandom = fillRandom): () => Uint8Array {
  let lastTime = -1;
  const last = new Uint8Array(16);
  return () => {
    const time = now();
    if (time > lastTime) {
      random(last);
      writeTime(last, time);
      lastTime = time;
    } else {
      let i = 15;
      while (i >= 6 && last[i] === 255) last[i--] = 0;
      if (i >= 6) last[i]++;
      else writeTime(last, ++lastTime);
    }
    return last.slice();
  };
}

function writeTime(id: Uint8Array, ms: number): void {
  if (!Number.isInteger(ms) || ms < 0 || ms > maxTime) throw new RangeError(`not a time that a ULID can hold: ${ms}`);
  let rest = ms;
  for (let i = 5; i >= 0; i--) {
    id[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** The 26 letters of a ULID in Crockford's base 32. */
export function ulidToString(id: Uint8Array): string {
  if (id.length !== 16) throw new RangeError('a ULID has 16 bytes');
  // 26 letters hold 130 bits: the first one only the top three bits of the id.
  let text = '';
  let bits = 2;
  let held = 0;
  for (const byte of id) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return text;
}

/** Reads the 26 letters, of either case; undefined when they are no ULID (over 128 bits included). */
export function parseUlid(text: string): Uint8Array | undefined {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i.test(text)) return undefined;
  const id = new Uint8Array(16);
  const letters = text.toUpperCase();
  let bits = -2;
  let held = 0;
  let at = 0;
  for (const letter of letters) {
    held = (held << 5) | alphabet.indexOf(letter);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    id[at++] = (held >> bits) & 255;
    held &= (1 << bits) - 1;
  }
  return id;
}
