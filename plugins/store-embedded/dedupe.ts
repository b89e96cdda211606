import type { Arena } from './arena.js';
import type { Sender } from './conversation.js';
import { lastIn } from './database.js';
import type { Db } from './database.js';
import { entryFrom, entryId } from './entry.js';
import type { LogEntry } from './entry.js';

/** In a row: 16 bytes of id, f64 seq. */
const ID_BYTES = 24;

interface Row {
  readonly key: Buffer;
  /** Sorted by id. */
  ids: { id: string; seq: number }[];
}

/**
 * The index of (conversation, from, id) → seq. A row holds the ids of one sender and fill, sorted; its key ends in the
 * smallest, and covers every id up to the next key. So the keys partition the ids: a look-up is one reverse range
 * read, the highest id of a sender is the end of their last row, and an id that comes late goes into the row that
 * covers it (below all rows: a key without id).
 */
export class Dedupe {
  /** Rows that the running fill changes, by key. */
  private readonly edits = new Map<string, Row>();
  /** The row that an id of each sender was last taken out of. */
  private readonly removing = new Map<string, Row>();

  constructor(
    private readonly db: Db,
    private readonly most: number,
  ) {}

  /** The highest id of the sender in the conversation, as text; '' = none. */
  mark(conversation: number, from: string): string {
    const row = lastIn(this.db, rowKey(conversation, from, ''), rowKey(conversation, from, '\xff'.repeat(17)));
    if (!row || row.value.length === 0) return '';
    return row.value.toString('latin1', row.value.length - ID_BYTES, row.value.length - ID_BYTES + 16);
  }

  /** The place of an entry that is in LMDB. */
  find(conversation: number, from: string, id: string): number | undefined {
    const row = lastIn(this.db, rowKey(conversation, from, ''), rowKey(conversation, from, id));
    if (!row) return undefined;
    const { value } = row;
    let low = 0;
    let high = value.length / ID_BYTES;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value.toString('latin1', middle * ID_BYTES, middle * ID_BYTES + 16) < id) low = middle + 1;
      else high = middle;
    }
    const at = low * ID_BYTES;
    return at < value.length && value.toString('latin1', at, at + 16) === id ? value.readDoubleLE(at + 16) : undefined;
  }

  /** Adds entries of one sender; within LMDB's batch. */
  add(conversation: number, sender: Sender, entries: readonly LogEntry[], arena: Arena): void {
    let rising: { id: string; seq: number }[] = [];
    let sorted = true;
    let last = sender.filledMark;
    for (const entry of entries) {
      const id = entryId(entry);
      if (id <= sender.filledMark) {
        this.insert(conversation, sender.name, id, entry.seq);
        continue;
      }
      if (id < last) sorted = false;
      else last = id;
      rising.push({ id, seq: entry.seq });
    }
    if (!sorted) rising.sort((a, b) => (a.id < b.id ? -1 : 1));
    for (; rising.length > 0; rising = rising.slice(this.most)) {
      const ids = rising.slice(0, this.most);
      this.put(rowKey(conversation, sender.name, ids[0].id), ids, arena);
    }
    sender.filledMark = last;
  }

  /** Takes the id of an entry that is removed out of the index; written by `flush`. */
  remove(conversation: number, entry: LogEntry): void {
    const id = entryId(entry);
    const sender = `${conversation} ${entryFrom(entry)}`;
    // An id stands in no other row than the one that covers it, and entries go in order: mostly in that of the last one.
    let row = this.removing.get(sender);
    let at = row ? indexOf(row, id) : -1;
    if (at < 0) {
      this.removing.set(sender, (row = this.covering(conversation, entryFrom(entry), id)));
      at = indexOf(row, id);
    }
    // The same id may stand there again, for a later place: a resend after the first was trimmed.
    if (at >= 0 && row!.ids[at].seq === entry.seq) row!.ids.splice(at, 1);
  }

  /** Writes the rows that `add` and `remove` changed; within LMDB's batch. */
  flush(arena: Arena): void {
    for (const { key, ids } of this.edits.values()) {
      if (ids.length === 0) void this.db.remove(key);
      for (let from = 0; from < ids.length; from += this.most) {
        const some = ids.slice(from, from + this.most);
        this.put(from === 0 ? key : Buffer.concat([key.subarray(0, prefixLength(key)), Buffer.from(some[0].id, 'latin1')]), some, arena);
      }
    }
    this.edits.clear();
    this.removing.clear();
  }

  private insert(conversation: number, from: string, id: string, seq: number): void {
    const row = this.covering(conversation, from, id);
    const at = row.ids.findIndex((other) => other.id >= id);
    if (at >= 0 && row.ids[at].id === id) row.ids[at] = { id, seq };
    else row.ids.splice(at < 0 ? row.ids.length : at, 0, { id, seq });
  }

  private covering(conversation: number, from: string, id: string): Row {
    const lowest = rowKey(conversation, from, '');
    const found = lastIn(this.db, lowest, rowKey(conversation, from, id));
    const key = found?.key ?? lowest;
    const name = key.toString('latin1');
    let row = this.edits.get(name);
    if (!row) this.edits.set(name, (row = { key, ids: found ? decode(found.value) : [] }));
    return row;
  }

  private put(key: Buffer, ids: { id: string; seq: number }[], arena: Arena): void {
    const value = arena.take(ids.length * ID_BYTES);
    let at = 0;
    for (const { id, seq } of ids) {
      value.write(id, at, 'latin1');
      value.writeDoubleLE(seq, at + 16);
      at += ID_BYTES;
    }
    void this.db.put(key, value);
  }
}

function indexOf({ ids }: Row, id: string): number {
  return ids.findIndex((other) => other.id === id);
}

function decode(value: Buffer): { id: string; seq: number }[] {
  const ids = [];
  for (let at = 0; at < value.length; at += ID_BYTES) ids.push({ id: value.toString('latin1', at, at + 16), seq: value.readDoubleLE(at + 16) });
  return ids;
}

function rowKey(conversation: number, from: string, id: string): Buffer {
  const key = Buffer.allocUnsafe(5 + from.length + id.length);
  key.writeUInt32BE(conversation, 0);
  key.write(from, 4, 'latin1');
  key[4 + from.length] = 0;
  key.write(id, 5 + from.length, 'latin1');
  return key;
}

/** Up to and with the 0 behind the sender: ids may hold zeros, names may not. */
function prefixLength(key: Buffer): number {
  return key.indexOf(0, 4) + 1;
}
