/** Pieces of the protobuf wire format, for what is written with every message. @module */

/** Writes a whole number up to 2^53 - 1, without BigInt: its low 28 bits first, the rest as a number of its own. @returns the offset behind it */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  if (value >= 0x1000_0000) {
    const low = value % 0x1000_0000;
    target[at++] = (low & 0x7f) | 0x80;
    target[at++] = ((low >>> 7) & 0x7f) | 0x80;
    target[at++] = ((low >>> 14) & 0x7f) | 0x80;
    target[at++] = ((low >>> 21) & 0x7f) | 0x80;
    rest = (value - low) / 0x1000_0000;
  }
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

/** How many bytes `writeVarint` writes. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** How many bytes `writeText` writes, its tag of one byte included. */
export function textSize(ascii: string): number {
  return 1 + varintSize(ascii.length) + ascii.length;
}

/**
 * Writes a field of text that is ASCII.
 * @returns the offset behind it.
 */
export function writeText(target: Uint8Array, offset: number, tag: number, ascii: string): number {
  target[offset] = tag;
  let at = writeVarint(target, offset + 1, ascii.length);
  for (let i = 0; i < ascii.length; i++) target[at++] = ascii.charCodeAt(i);
  return at;
}
