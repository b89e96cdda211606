/**
 * The server's stamp: fields 10-14 and 16 of Message, appended to the sender's bytes as they are. Protobuf lets
 * fields follow in any order, so nothing is encoded again.
 * @module
 */
import { textSize, varintSize, writeText, writeVarint } from './varint.js';

/** The most bytes that `writeAfter` writes. */
export const afterSize = 10;

/**
 * The part of the stamp that stays the same between a device and a conversation, to be made once: `from` (10),
 * `from_device` (11, left out when empty) and `conversation` (12). Ids and names are ASCII.
 */
export function stampPrefix(from: string, fromDevice: string, conversation: string): Uint8Array {
  const device = fromDevice === '' ? 0 : textSize(fromDevice);
  const prefix = new Uint8Array(textSize(from) + device + textSize(conversation));
  let at = writeText(prefix, 0, 0x52, from);
  if (device > 0) at = writeText(prefix, at, 0x5a, fromDevice);
  writeText(prefix, at, 0x62, conversation);
  return prefix;
}

/** The most bytes that `writeStamp` writes with this prefix. */
export function stampSize(prefix: Uint8Array): number {
  return prefix.length + 18;
}

/**
 * Writes the prefix, `seq` (13) and `sent_at_ms` (14).
 * @returns the offset behind them.
 */
export function writeStamp(target: Uint8Array, offset: number, prefix: Uint8Array, seq: number, sentAtMs: number): number {
  let at = offset;
  // Prefixes are some 30 bytes: a loop is cheaper than a call of `set`.
  for (let i = 0; i < prefix.length; i++) target[at++] = prefix[i];
  target[at++] = 0x68;
  at = writeVarint(target, at, seq);
  target[at++] = 0x70;
  return writeVarint(target, at, sentAtMs);
}

/**
 * Writes `after` (16).
 * @returns the offset behind it.
 */
export function writeAfter(target: Uint8Array, offset: number, after: number): number {
  target[offset] = 0x80;
  target[offset + 1] = 0x01;
  return writeVarint(target, offset + 2, after);
}

/** How many bytes `writeBody` writes. */
export function bodySize(length: number): number {
  return 1 + varintSize(length) + length;
}

/**
 * Writes `body` (2): what stands behind an earlier body of the same message takes its place.
 * @returns the offset behind it.
 */
export function writeBody(target: Uint8Array, offset: number, body: Uint8Array): number {
  target[offset] = 0x12;
  const at = writeVarint(target, offset + 1, body.length);
  target.set(body, at);
  return at + body.length;
}
