import type { ReadLimit } from '../../broker/ports/conversation-log.js';
import type { Arena } from './arena.js';
import type { Conversation } from './conversation.js';
import { lastIn, writeU64 } from './database.js';
import type { Db } from './database.js';
import { becomes, decodeEntry, entrySeq, entrySize, tombstone } from './entry.js';
import type { LogEntry } from './entry.js';
import { firstAbove } from './fill.js';
import type { StoreLimits } from './limits.js';

/** A piece of a log as read from LMDB: every entry of the places [from, to]. */
export interface ReadRun {
  readonly conversation: Conversation;
  readonly from: number;
  readonly to: number;
  readonly entries: LogEntry[];
  readonly bytes: number;
}

/** Runs kept of one conversation: so many readers at different places do not drive each other out. */
const RUNS = 4;

/** The logs in LMDB: entries one behind the other in chunks, a chunk for each conversation and fill. */
export class Chunks {
  /** All runs, the longest unused first. */
  private readonly kept = new Set<ReadRun>();
  private keptBytes = 0;

  constructor(
    private readonly db: Db,
    private readonly limits: StoreLimits,
  ) {}

  /** The run that holds the place `at`, or begins with the first entry behind it; undefined when LMDB has none. */
  run(conversation: Conversation, at: number, limit: ReadLimit): ReadRun | undefined {
    let wanted = Math.min(limit.bytes, this.limits.readAheadBytes);
    for (const run of conversation.runs) {
      if (at >= run.from && at <= run.to) {
        this.kept.delete(run);
        this.kept.add(run);
        return run;
      }
      // Who reads on where a run ended is draining the log: each run doubles the one before.
      if (at === run.to + 1) {
        wanted = Math.min(Math.max(wanted, run.bytes * 2), this.limits.readAheadBytes);
        this.drop(run);
        break;
      }
    }
    const run = this.load(conversation, at, wanted, limit.entries);
    if (run) this.keep(run);
    return run;
  }

  /**
   * The first entry from the place `at` on, alone: copied out of the last chunk, nothing is read ahead, decoded or kept
   * besides. undefined: it lies further back, or LMDB does not show it yet.
   */
  single({ id, runs, tombstones, chunkFirst, chunkBytes }: Conversation, at: number): LogEntry | undefined {
    for (const run of runs) if (at >= run.from && at <= run.to) return run.entries[firstAbove(run.entries, at - 1)];
    if (chunkBytes === 0 || at < chunkFirst) return undefined;
    // LMDB's own buffer, as it is until the next read.
    const chunk = this.db.getBinaryFast(chunkKey(id, chunkFirst));
    if (!chunk) return undefined;
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let from = 0; from < chunk.length; ) {
      const size = entrySize(view, from);
      const seq = entrySeq(view, from);
      if (seq >= at) {
        const copy = Buffer.allocUnsafe(size);
        copy.set(chunk.subarray(from, from + size));
        const entry = decodeEntry(copy, new DataView(copy.buffer, copy.byteOffset, size), 0);
        return marked(entry, tombstones);
      }
      from += size;
    }
    return undefined;
  }

  /** Nothing read before may be shown any more. */
  forget(conversation: Conversation): void {
    for (const run of [...conversation.runs]) this.drop(run);
  }

  /** Writes entries of the tail, from the `from`th on; within LMDB's batch. */
  write(conversation: Conversation, from: number, arena: Arena): void {
    const { tail } = conversation;
    let index = this.mergeFrom(conversation, from);
    while (index < tail.length) {
      const first = index;
      let bytes = 0;
      do {
        bytes += tail[index].tail - tail[index].head;
        index++;
      } while (index < tail.length && bytes + tail[index].tail - tail[index].head <= this.limits.chunkBytes);

      const chunk = arena.take(bytes);
      let at = 0;
      for (let i = first; i < index; i++) at += tail[i].buffer.copy(chunk, at, tail[i].head, tail[i].tail);
      void this.db.put(chunkKey(conversation.id, tail[first].seq), chunk);
      conversation.chunkFirst = tail[first].seq;
      conversation.chunkBytes = bytes;
    }
  }

  /**
   * Takes the messages out of the places that are marked so; within LMDB's batch. What has become small goes into the
   * chunk before it, if that was written anew too: LMDB gives no page free that still holds a little.
   */
  writeTombstones(conversation: Conversation): void {
    const { id, chunkFirst, tombstones } = conversation;
    let writtenTo = 0;
    let open: { readonly key: Buffer; last: Buffer; readonly parts: Buffer[]; bytes: number } | undefined;
    const close = (): void => {
      if (open) void this.db.put(open.key, Buffer.concat(open.parts));
      open = undefined;
    };
    for (const seq of [...tombstones!.keys()].sort((a, b) => a - b)) {
      if (seq <= writtenTo) continue;
      const row = lastIn(this.db, chunkKey(id, 0), chunkKey(id, seq));
      if (!row) continue;
      const entries = decodeChunk(row.value, tombstones);
      writtenTo = entries.at(-1)!.seq;
      // Removed in this fill or a later one: nothing may be put into it.
      if (writtenTo < conversation.first) continue;
      const parts = entries.map((entry) => entry.buffer.subarray(entry.head, entry.tail));
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      const isLast = entries[0].seq === chunkFirst;
      if (isLast) conversation.chunkBytes = bytes;
      if (open && !isLast && open.bytes + bytes <= this.limits.chunkBytes && this.follows(open.last, row.key)) {
        open.parts.push(...parts);
        open.bytes += bytes;
        open.last = row.key;
        void this.db.remove(row.key);
      } else {
        close();
        open = { key: row.key, last: row.key, parts, bytes };
      }
    }
    close();
  }

  /**
   * Removes chunks whose places all lie below `first`, until `most` places are gone; within LMDB's batch. `gone` is told
   * of each entry.
   * @returns how many places are gone; fewer than `most` when that was all.
   */
  remove(conversation: Conversation, most: number, gone: (entry: LogEntry) => void): number {
    let removed = 0;
    for (const { key, value } of this.db.getRange({ start: chunkKey(conversation.id, 0), end: chunkKey(conversation.id, conversation.first) })) {
      const entries = decodeChunk(value, undefined);
      if (entries.at(-1)!.seq >= conversation.first) break;
      for (const entry of entries) gone(entry);
      void this.db.remove(key);
      if (entries[0].seq === conversation.chunkFirst) conversation.chunkFirst = conversation.chunkBytes = 0;
      removed += entries.length;
      if (removed >= most) break;
    }
    return removed;
  }

  /** Whether no other chunk lies between the two. */
  private follows(before: Buffer, key: Buffer): boolean {
    for (const next of this.db.getKeys({ start: before, limit: 2 })) if (!next.equals(before)) return next.equals(key);
    return false;
  }

  /** A small last chunk is written again with what follows it, if all of it is still in memory. */
  private mergeFrom({ tail, chunkFirst, chunkBytes }: Conversation, from: number): number {
    if (chunkBytes === 0 || chunkBytes > this.limits.mergeBytes || tail[0].seq > chunkFirst) return from;
    let index = from;
    while (tail[index].seq > chunkFirst) index--;
    return tail[index].seq === chunkFirst ? index : from;
  }

  private load(conversation: Conversation, at: number, wantedBytes: number, wantedEntries: number): ReadRun | undefined {
    const { id, tombstones } = conversation;
    const covering = lastIn(this.db, chunkKey(id, 0), chunkKey(id, at));
    const entries: LogEntry[] = covering ? decodeChunk(covering.value, tombstones, at) : [];
    let bytes = covering?.value.length ?? 0;
    if (entries.length < wantedEntries && (bytes < wantedBytes || entries.length === 0)) {
      for (const { value } of this.db.getRange({ start: chunkKey(id, at + 1), end: chunkKey(id + 1, 0) })) {
        for (const entry of decodeChunk(value, tombstones)) entries.push(entry);
        bytes += value.length;
        if (bytes >= wantedBytes) break;
      }
    }
    if (entries.length === 0) return undefined;
    return { conversation, from: Math.min(at, entries[0].seq), to: entries.at(-1)!.seq, entries, bytes };
  }

  private keep(run: ReadRun): void {
    const { runs } = run.conversation;
    if (runs.length >= RUNS) this.drop(runs[0]);
    runs.push(run);
    this.kept.add(run);
    this.keptBytes += run.bytes;
    for (const oldest of this.kept) {
      if (this.keptBytes <= this.limits.readBytes || oldest === run) break;
      this.drop(oldest);
    }
  }

  private drop(run: ReadRun): void {
    this.kept.delete(run);
    this.keptBytes -= run.bytes;
    run.conversation.runs = run.conversation.runs.filter((other) => other !== run);
  }
}

export function chunkKey(conversation: number, seq: number): Buffer {
  const key = Buffer.allocUnsafe(12);
  key.writeUInt32BE(conversation, 0);
  writeU64(key, seq, 4);
  return key;
}

/** The entry, without its message where that is marked so already. */
function marked(entry: LogEntry, tombstones: Conversation['tombstones']): LogEntry {
  const state = tombstones?.get(entry.seq);
  return state !== undefined && becomes(entry, state) ? tombstone(entry, state) : entry;
}

/** The entries of a chunk from the place `from` on. */
function decodeChunk(chunk: Buffer, tombstones: Conversation['tombstones'], from = 0): LogEntry[] {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  const entries: LogEntry[] = [];
  for (let at = 0; at < chunk.length; at += entrySize(view, at)) {
    if (entrySeq(view, at) < from) continue;
    entries.push(marked(decodeEntry(chunk, view, at), tombstones));
  }
  return entries;
}
