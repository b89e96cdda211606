import { open } from 'lmdb';
import type { Database as LmdbDatabase, RootDatabase } from 'lmdb';

export type Db = LmdbDatabase<Buffer, Buffer>;

/**
 * What lies in LMDB. Numbers in keys are big-endian, so that they sort; text is ASCII.
 *
 * | database | key | value |
 * |---|---|---|
 * | meta | `state` | the last log sequence number that is filled in, the term, counters |
 * | conversations | name | number, members |
 * | heads | u32 conversation | where its log stands |
 * | chunks | u32 conversation, u64 first seq | entries, one behind the other |
 * | dedupe | u32 conversation, from, 0, smallest id | list of id and seq; covers the ids up to the next key |
 * | expiry | u64 time, u32 conversation, u64 seq | one byte |
 * | rows of a table | group, 0, item | as the table encodes it |
 */
export interface Database {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly meta: Db;
  readonly conversations: Db;
  readonly heads: Db;
  readonly chunks: Db;
  readonly dedupe: Db;
  readonly expiry: Db;
  /** Every database by name, to count what they take. */
  readonly all: readonly Db[];
  rows(name: string): Db;
}

export function openDatabase(path: string): Database {
  const root = open<Buffer, Buffer>({
    path,
    // A path with a dot in its last part would be taken for a file.
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    cache: false,
    maxDbs: 64,
    // Committed means flushed: the journal's segments are given free by it. The wait is the fill's, nobody else's.
    overlappingSync: false,
    eventTurnBatching: false,
    noMemInit: true,
  });
  const all: Db[] = [];
  const named = (name: string): Db => {
    const db = root.openDB(name, { encoding: 'binary', keyEncoding: 'binary', cache: false });
    all.push(db);
    return db;
  };
  return {
    root,
    meta: named('meta'),
    conversations: named('conversations'),
    heads: named('heads'),
    chunks: named('chunks'),
    dedupe: named('dedupe'),
    expiry: named('expiry'),
    all,
    rows: named,
  };
}

/** The last row whose key is in [from, to]. */
export function lastIn(db: Db, from: Buffer, to: Buffer): { key: Buffer; value: Buffer } | undefined {
  for (const row of db.getRange({ start: to, end: from, inclusiveEnd: true, reverse: true, limit: 1 })) return row;
  return undefined;
}

export function writeU64(buffer: Buffer, value: number, at: number): void {
  buffer.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  buffer.writeUInt32BE(value % 2 ** 32, at + 4);
}

export function readU64(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4);
}
