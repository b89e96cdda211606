import type { Db } from './database.js';

/** How a row is written into LMDB and the journal. */
export interface Codec<T> {
  encode(value: T): Buffer;
  decode(bytes: Buffer): T;
}

/** `null`: the row is gone. Absent: look further down. */
type Rows<T> = Map<string, Map<string, T | null>>;

/**
 * Rows of (group, item), changed in memory and filled into LMDB together. A read looks at what is fresh, then at what
 * is being filled, then at what was filled last (whoever changes a row all the time finds it there), then in LMDB.
 * So memory holds what changed during the last two fills, and a `get` never misses a put that LMDB has not shown yet.
 */
export class Table<T> {
  private fresh: Rows<T> = new Map();
  private filling: Rows<T> = new Map();
  private filled: Rows<T> = new Map();
  /** How a row from the journal is put over one that is there, where rows also change without the journal. */
  merge: ((row: T, by: T) => T) | undefined;

  constructor(
    /** Names it in the journal. */
    readonly id: number,
    private readonly db: Db,
    readonly codec: Codec<T>,
  ) {}

  get(group: string, item: string): T | undefined {
    let row = this.fresh.get(group)?.get(item);
    if (row === undefined) row = this.filling.get(group)?.get(item);
    if (row === undefined) row = this.filled.get(group)?.get(item);
    if (row !== undefined) return row ?? undefined;
    const bytes = this.db.getBinary(rowKey(group, item));
    return bytes && this.codec.decode(bytes);
  }

  /** The row as it stands in memory; undefined: gone, or nowhere but in LMDB. */
  held(group: string, item: string): T | undefined {
    return (this.fresh.get(group)?.get(item) ?? this.filling.get(group)?.get(item) ?? this.filled.get(group)?.get(item)) || undefined;
  }

  /** undefined removes the row. A value may be changed in place if it is put again afterwards. */
  put(group: string, item: string, value: T | undefined): void {
    let rows = this.fresh.get(group);
    if (!rows) this.fresh.set(group, (rows = new Map()));
    rows.set(item, value ?? null);
  }

  /** A row from the journal. */
  replay(name: string, bytes: Buffer | undefined): void {
    const split = name.lastIndexOf('\0');
    const group = name.slice(0, split);
    const item = name.slice(split + 1);
    const value = bytes && this.codec.decode(bytes);
    const old = value !== undefined && this.merge ? this.get(group, item) : undefined;
    this.put(group, item, old !== undefined ? this.merge!(old, value!) : value);
  }

  /** All rows of a group, by item; in the order of items as far as they are in LMDB. */
  all(group: string): Map<string, T> {
    return this.after(group, '', Infinity);
  }

  /** Rows of a group behind the item `after`, at most `limit`, in order of items. */
  page(group: string, after: string, limit: number): [string, T][] {
    const rows = [...this.after(group, after, limit)];
    rows.sort(([a], [b]) => (a < b ? -1 : 1));
    return rows.slice(0, limit);
  }

  /** Writes what is fresh; to be called within LMDB's batch. */
  fill(): void {
    this.filling = this.fresh;
    this.fresh = new Map();
    for (const [group, rows] of this.filling) {
      for (const [item, row] of rows) {
        const key = rowKey(group, item);
        if (row === null) void this.db.remove(key);
        else void this.db.put(key, this.codec.encode(row));
      }
    }
  }

  /** LMDB has what `fill` wrote. */
  settled(): void {
    this.filled = this.filling;
    this.filling = new Map();
  }

  private after(group: string, after: string, limit: number): Map<string, T> {
    const found = new Map<string, T>();
    const changed = [this.filled, this.filling, this.fresh].map((rows) => rows.get(group)).filter((rows) => rows !== undefined);
    // As many more as may turn out to be removed.
    const most = changed.reduce((sum, rows) => sum + rows.size, limit);
    const range = { start: rowKey(group, after), end: Buffer.from(`${group}\x01`, 'latin1'), limit: Number.isFinite(most) ? most + 1 : undefined };
    for (const { key, value } of this.db.getRange(range)) {
      const item = key.toString('latin1', group.length + 1, key.length);
      if (item > after) found.set(item, this.codec.decode(value));
    }
    for (const rows of changed) {
      for (const [item, row] of rows) {
        if (item <= after) continue;
        if (row === null) found.delete(item);
        else found.set(item, row);
      }
    }
    return found;
  }
}

/** As it stands in the journal and in LMDB. */
export function rowName(group: string, item: string): string {
  return `${group}\0${item}`;
}

function rowKey(group: string, item: string): Buffer {
  return Buffer.from(rowName(group, item), 'latin1');
}
