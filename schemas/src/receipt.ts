import { textSize, varintSize, writeText, writeVarint } from './varint.js';

/** A Receipt's fields, as numbers: places and milliseconds below 2^53. */
export interface ReceiptFields {
  conversation: string;
  delivered: number;
  read: number;
  atMs: number;
  ownRead: number;
}

/** The bytes of a Receipt as generated code writes them, without BigInt and reflection: one goes out with every other message. */
export function encodeReceipt({ conversation, delivered, read, atMs, ownRead }: ReceiptFields): Uint8Array {
  const bytes = new Uint8Array(textSize(conversation) + fieldSize(delivered) + fieldSize(read) + fieldSize(atMs) + fieldSize(ownRead));
  let at = writeText(bytes, 0, 0x0a, conversation);
  at = writeField(bytes, at, 0x10, delivered);
  at = writeField(bytes, at, 0x18, read);
  at = writeField(bytes, at, 0x20, atMs);
  writeField(bytes, at, 0x28, ownRead);
  return bytes;
}

function fieldSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

/** Proto3 leaves out what is 0. */
function writeField(target: Uint8Array, offset: number, tag: number, value: number): number {
  if (value === 0) return offset;
  target[offset] = tag;
  return writeVarint(target, offset + 1, value);
}
