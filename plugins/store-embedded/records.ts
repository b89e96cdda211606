import { decodeEntry, entrySize } from './entry.js';
import type { Bodiless, LogEntry } from './entry.js';
import type { JournalRecord } from './journal.js';
import type { Slab } from './slab.js';

/**
 * What the journal can say. Each begins with a byte that names it, and is whole by itself; integers little-endian:
 *
 * | kind | then |
 * |---|---|
 * | 1 append | 3 bytes 0, u32 conversation, the entry |
 * | 2 create | 3 bytes 0, u32 conversation, u16 bytes of the name, u16 members, the name, each member as u8 length and bytes |
 * | 3 row | u8 table, u16 bytes of the key, u32 bytes of the value (all ones: the row goes), key, value |
 * | 4 state | 3 bytes 0, u32 conversation, f64 seq, u32 EntryState |
 * | 5 trim | 3 bytes 0, u32 conversation, f64 up to |
 * | 6 term | 3 bytes 0, u32 term |
 */
const enum Kind {
  Append = 1,
  Create = 2,
  Row = 3,
  State = 4,
  Trim = 5,
  Term = 6,
}

const NO_ROW = 0xffffffff;
export const APPEND_HEADER = 8;

type Record = JournalRecord<unknown>;
/** Gives a record with room for so many bytes. */
export type Room = (bytes: number) => Record;

/** What replaying calls, in the order of the journal. */
export interface Replayer {
  append(conversation: number, entry: LogEntry): void;
  create(conversation: number, name: string, members: string[]): void;
  row(table: number, key: string, value: Buffer | undefined): void;
  state(conversation: number, seq: number, state: Bodiless): void;
  trim(conversation: number, upTo: number): void;
  term(term: number): void;
}

/** Begins an append at the record's end; the entry goes behind it. */
export function writeAppendHeader(view: DataView, at: number, conversation: number): void {
  view.setUint32(at, Kind.Append, true);
  view.setUint32(at + 4, conversation, true);
}

export function createSize(name: string, members: readonly string[]): number {
  return members.reduce((sum, member) => sum + 1 + member.length, 12 + name.length);
}

export function writeCreate(room: Room, conversation: number, name: string, members: readonly string[]): void {
  const record = room(createSize(name, members));
  const { view, buffer } = record.slab;
  let at = record.end;
  view.setUint32(at, Kind.Create, true);
  view.setUint32(at + 4, conversation, true);
  view.setUint16(at + 8, name.length, true);
  view.setUint16(at + 10, members.length, true);
  at += 12 + buffer.write(name, at + 12, 'latin1');
  for (const member of members) {
    buffer[at] = member.length;
    at += 1 + buffer.write(member, at + 1, 'latin1');
  }
  record.end = at;
}

export function writeRow(room: Room, table: number, key: string, value: Buffer | undefined): void {
  const record = room(8 + key.length + (value?.length ?? 0));
  const { view, buffer } = record.slab;
  const at = record.end;
  buffer[at] = Kind.Row;
  buffer[at + 1] = table;
  view.setUint16(at + 2, key.length, true);
  view.setUint32(at + 4, value ? value.length : NO_ROW, true);
  buffer.write(key, at + 8, 'latin1');
  record.end = at + 8 + key.length;
  if (value) record.end += value.copy(buffer, record.end);
}

export function writeState(room: Room, conversation: number, seq: number, state: Bodiless): Record {
  const record = room(20);
  const { view } = record.slab;
  view.setUint32(record.end, Kind.State, true);
  view.setUint32(record.end + 4, conversation, true);
  view.setFloat64(record.end + 8, seq, true);
  view.setUint32(record.end + 16, state, true);
  record.end += 20;
  return record;
}

export function writeTrim(room: Room, conversation: number, upTo: number): Record {
  const record = room(16);
  const { view } = record.slab;
  view.setUint32(record.end, Kind.Trim, true);
  view.setUint32(record.end + 4, conversation, true);
  view.setFloat64(record.end + 8, upTo, true);
  record.end += 16;
  return record;
}

export function writeTerm(room: Room, term: number): Record {
  const record = room(8);
  const { view } = record.slab;
  view.setUint32(record.end, Kind.Term, true);
  view.setUint32(record.end + 4, term, true);
  record.end += 8;
  return record;
}

/** Reads the payload of a record, [start, end) of the slab. */
export function replay(slab: Slab<unknown>, start: number, end: number, into: Replayer): void {
  const { buffer, view } = slab;
  let at = start;
  while (at < end) {
    const number = view.getUint32(at + 4, true);
    switch (buffer[at]) {
      case Kind.Append:
        into.append(number, decodeEntry(buffer, view, at + APPEND_HEADER));
        at += APPEND_HEADER + entrySize(view, at + APPEND_HEADER);
        break;
      case Kind.Create: {
        const members: string[] = [];
        let reading = at + 12 + view.getUint16(at + 8, true);
        const name = buffer.toString('latin1', at + 12, reading);
        for (let left = view.getUint16(at + 10, true); left > 0; left--) {
          const length = buffer[reading];
          members.push(buffer.toString('latin1', reading + 1, reading + 1 + length));
          reading += 1 + length;
        }
        into.create(number, name, members);
        at = reading;
        break;
      }
      case Kind.Row: {
        const key = at + 8;
        const value = key + view.getUint16(at + 2, true);
        const after = number === NO_ROW ? value : value + number;
        into.row(buffer[at + 1], buffer.toString('latin1', key, value), number === NO_ROW ? undefined : buffer.subarray(value, after));
        at = after;
        break;
      }
      case Kind.State:
        into.state(number, view.getFloat64(at + 8, true), view.getUint32(at + 16, true) as Bodiless);
        at += 20;
        break;
      case Kind.Trim:
        into.trim(number, view.getFloat64(at + 8, true));
        at += 16;
        break;
      case Kind.Term:
        into.term(number);
        at += 8;
        break;
      default:
        throw new Error(`the journal says something unknown (${buffer[at]})`);
    }
  }
}
