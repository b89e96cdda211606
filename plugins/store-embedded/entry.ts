import { EntryState } from '../../broker/ports/conversation-log.js';
import type { Entry } from '../../broker/ports/conversation-log.js';

/**
 * An entry has one layout, in the journal, in memory and in LMDB's chunks, little-endian:
 *
 * | at | what |
 * |---|---|
 * | 0 | u32 bytes of the whole entry |
 * | 4 | u32 where in the message the server's stamp begins |
 * | 8 | u32 bytes of the message; what follows it is aux |
 * | 12 | u32 Message.flags |
 * | 16 | f64 seq |
 * | 24 | f64 sent at, Unix milliseconds |
 * | 32 | f64 counted |
 * | 40 | u32 expires in seconds, 0 = never |
 * | 44 | u32 EntryState |
 * | 48 | 16 bytes id |
 * | 64 | message, then aux |
 */
export const ENTRY_HEADER = 64;
export const ENTRY_ID = 48;

/** An entry where it lies: no bytes of its own. */
export class LogEntry implements Entry {
  constructor(
    readonly seq: number,
    readonly sentAtMs: number,
    readonly expiresAtMs: number,
    readonly state: EntryState,
    readonly flags: number,
    readonly counted: number,
    readonly buffer: Buffer,
    readonly start: number,
    readonly end: number,
    readonly stamp: number,
    readonly aux: Buffer | undefined,
  ) {}

  /** Where its header begins. */
  get head(): number {
    return this.start - ENTRY_HEADER;
  }

  /** Where its last byte is, aux included. */
  get tail(): number {
    return this.aux ? this.end + this.aux.length : this.end;
  }
}

export function expiresAt(sentAtMs: number, expiresInS: number): number {
  return expiresInS === 0 ? 0 : sentAtMs + expiresInS * 1000;
}

/** Reads the entry whose header is at `at`. */
export function decodeEntry(buffer: Buffer, view: DataView, at: number): LogEntry {
  const size = view.getUint32(at, true);
  const start = at + ENTRY_HEADER;
  const end = start + view.getUint32(at + 8, true);
  const sentAtMs = view.getFloat64(at + 24, true);
  return new LogEntry(
    view.getFloat64(at + 16, true),
    sentAtMs,
    expiresAt(sentAtMs, view.getUint32(at + 40, true)),
    view.getUint32(at + 44, true),
    view.getUint32(at + 12, true),
    view.getFloat64(at + 32, true),
    buffer,
    start,
    end,
    start + view.getUint32(at + 4, true),
    end < at + size ? buffer.subarray(end, at + size) : undefined,
  );
}

export function entrySize(view: DataView, at: number): number {
  return view.getUint32(at, true);
}

export function entrySeq(view: DataView, at: number): number {
  return view.getFloat64(at + 16, true);
}

/** The 16 bytes of an entry's id as text of 16 characters: compares and hashes as the bytes do. */
export function entryId(entry: LogEntry): string {
  return entry.buffer.toString('latin1', entry.head + ENTRY_ID, entry.start);
}

/** The sender, out of the stamp: `from` (field 10) is its first field, left out by nobody but the server itself. */
export function entryFrom(entry: LogEntry): string {
  const { buffer, stamp } = entry;
  if (buffer[stamp] !== 0x52) return '';
  return buffer.toString('latin1', stamp + 2, stamp + 2 + buffer[stamp + 1]);
}

/** What a place becomes that gives its message away. */
export type Bodiless = EntryState.Erased | EntryState.Expired | EntryState.Archived;

/** Whether this is a change: what was taken back stays so. */
export function becomes(entry: LogEntry, state: Bodiless): boolean {
  return entry.state === EntryState.Live || (entry.state === EntryState.Archived && state !== EntryState.Archived);
}

/**
 * What remains of a place without its message: a message of nothing but the id (field 1) and the stamp.
 * Sequence, time, counted and id stay, so that a late resend cannot bring it back.
 */
export function tombstone(entry: LogEntry, state: Bodiless): LogEntry {
  const stampBytes = entry.end - entry.stamp;
  const message = 18 + stampBytes;
  const buffer = Buffer.alloc(ENTRY_HEADER + message);
  entry.buffer.copy(buffer, 0, entry.head, entry.start);
  buffer.writeUInt32LE(buffer.length, 0);
  buffer.writeUInt32LE(18, 4);
  buffer.writeUInt32LE(message, 8);
  buffer.writeUInt32LE(state, 44);
  buffer[ENTRY_HEADER] = 0x0a;
  buffer[ENTRY_HEADER + 1] = 16;
  buffer.copy(buffer, ENTRY_HEADER + 2, ENTRY_ID, ENTRY_HEADER);
  entry.buffer.copy(buffer, ENTRY_HEADER + 18, entry.stamp, entry.end);
  return new LogEntry(entry.seq, entry.sentAtMs, entry.expiresAtMs, state, entry.flags, entry.counted, buffer, ENTRY_HEADER, buffer.length, ENTRY_HEADER + 18, undefined);
}
