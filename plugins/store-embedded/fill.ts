import type { OwnCount } from '../../broker/ports/conversation-log.js';
import type { Chunks } from './chunks.js';
import { Arena } from './arena.js';
import type { Conversation, Sender } from './conversation.js';
import type { Conversations } from './conversations.js';
import { writeU64 } from './database.js';
import type { Database } from './database.js';
import type { Dedupe } from './dedupe.js';
import type { LogEntry } from './entry.js';
import type { StoreLimits } from './limits.js';
import type { Table } from './table.js';

const ONE = Buffer.from([1]);
export const META_KEY = Buffer.from('state');

/** What a fill takes from the rest of the store. */
export interface FillSource {
  readonly db: Database;
  readonly limits: StoreLimits;
  readonly conversations: Conversations;
  readonly chunks: Chunks;
  readonly dedupe: Dedupe;
  readonly tables: readonly Table<any>[];
  /** What users wrote: (conversation, user). */
  own(): Table<OwnCount>;
  /** The last record that is durable: everything in it is in memory. */
  lsn(): number;
  term(): number;
  /** LMDB has everything up to this record, durably. */
  filled(lsn: number): void;
  failed(error: Error): void;
}

/**
 * Brings into LMDB what the journal has made durable, a batch at a time, behind everyone's back. A batch is one
 * transaction whose last put is the log sequence number it reaches, so a crash leaves LMDB at a known record.
 */
export class Fill {
  /** Places that are kept in all logs, as far as they are in LMDB. */
  entries = 0;
  private readonly arena = new Arena();
  private dirty: Conversation[] = [];
  /** Conversations with chunks to remove. */
  private readonly clearing = new Set<Conversation>();
  /** Places that the running fill may still remove. */
  private clearPlaces = 0;
  private pendingBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private failure: Error | undefined;
  private closed = false;

  constructor(private readonly source: FillSource) {}

  /** So many bytes became durable. */
  grew(bytes: number): void {
    this.pendingBytes += bytes;
    if (this.pendingBytes >= this.source.limits.fillBytes) this.start();
    else this.soon();
  }

  /** Something waits, if only a cursor. */
  soon(): void {
    if (this.timer || this.closed) return;
    this.timer = setTimeout(() => this.start(), this.source.limits.fillMs);
  }

  touch(conversation: Conversation): void {
    if (conversation.dirty) return;
    conversation.dirty = true;
    this.dirty.push(conversation);
  }

  /** Its chunks below `first` are to go. */
  clear(conversation: Conversation): void {
    this.clearing.add(conversation);
    this.touch(conversation);
    this.soon();
  }

  /** Whether chunks wait to be removed. */
  get clears(): boolean {
    return this.clearing.size > 0;
  }

  /** Resolves when LMDB has everything that was durable at the call. @throws what made a fill fail. */
  async now(): Promise<void> {
    while (this.running) await this.running;
    await this.run();
  }

  /** As `now`, and until there is nothing left to do. */
  async close(): Promise<void> {
    this.stop();
    await this.now();
    while (this.dirty.length > 0) await this.now();
  }

  /** Begins no fill by itself any more. */
  stop(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private start(): void {
    // The one that is under way looks again when it ends.
    if (this.running || this.failure || this.closed) return;
    this.run().catch((error: Error) => this.source.failed(error));
  }

  private run(): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    clearTimeout(this.timer);
    this.timer = undefined;
    this.running = this.fill().finally(() => {
      this.running = undefined;
      if (this.failure || this.closed) return;
      if (this.pendingBytes >= this.source.limits.fillBytes) this.start();
      else if (this.dirty.length > 0) this.soon();
    });
    return this.running;
  }

  private async fill(): Promise<void> {
    const { db, tables, conversations } = this.source;
    const lsn = this.source.lsn();
    const dirty = this.dirty;
    const filled: (() => void)[] = [];
    this.dirty = [];
    this.pendingBytes = 0;
    this.clearPlaces = this.source.limits.clearPlaces;
    try {
      await db.root.batch(() => {
        for (const conversation of dirty) filled.push(this.put(conversation));
        this.source.dedupe.flush(this.arena);
        for (const table of tables) table.fill();
        void db.meta.put(META_KEY, encodeState({ lsn, term: this.source.term(), nextId: conversations.nextId, entries: this.entries }));
      });
    } catch (error) {
      this.failure = await causeOf(error as Error);
      throw this.failure;
    }
    for (const done of filled) done();
    for (const table of tables) table.settled();
    this.arena.free();
    conversations.trim();
    this.source.filled(lsn);
  }

  /** Puts what is new of a conversation; the answer is called after the commit. */
  private put(conversation: Conversation): () => void {
    const { db, chunks, conversations } = this.source;
    const { tail } = conversation;
    conversation.dirty = false;
    conversation.filling = true;

    const marked = conversation.tombstones && new Map(conversation.tombstones);
    if (marked) chunks.writeTombstones(conversation);
    if (this.clearing.has(conversation)) this.removeChunks(conversation);

    const from = firstAbove(tail, conversation.filledTo);
    if (from < tail.length) {
      chunks.write(conversation, from, this.arena);
      for (let i = from; i < tail.length; i++) {
        if (tail[i].expiresAtMs > 0) void db.expiry.put(expiryKey(tail[i].expiresAtMs, conversation.id, tail[i].seq), ONE);
      }
      this.entries += tail.length - from;
    }
    conversation.fillingTo = conversation.head;
    const indexed = this.putIds(conversation);
    conversations.put(conversation);
    return () => {
      conversation.filling = false;
      conversation.filledTo = conversation.fillingTo;
      for (const [sender, count] of indexed) sender.filled(count);
      if (marked) this.tombstonesWritten(conversation, marked);
    };
  }

  private putIds(conversation: Conversation): [Sender, number][] {
    const indexed: [Sender, number][] = [];
    const own = this.source.own();
    for (const sender of conversation.senders.values()) {
      const count = firstAbove(sender.unfilled, conversation.fillingTo);
      if (count === 0) continue;
      if (sender.name !== '') own.put(conversation.name, sender.name, sender.ownWith(count));
      let entries: readonly LogEntry[] = sender.unfilled.slice(0, count);
      // Trimmed before they were ever filled: their ids would have nobody who removes them.
      if (entries[0].seq < conversation.first) entries = entries.filter((entry) => entry.seq >= conversation.first);
      this.source.dedupe.add(conversation.id, sender, entries, this.arena);
      indexed.push([sender, count]);
    }
    return indexed;
  }

  /** As much as this fill may still take away; the rest waits for the next. */
  private removeChunks(conversation: Conversation): void {
    const { chunks, dedupe } = this.source;
    if (this.clearPlaces > 0) {
      const removed = chunks.remove(conversation, this.clearPlaces, (entry) => dedupe.remove(conversation.id, entry));
      this.entries -= removed;
      if (removed < this.clearPlaces) {
        this.clearing.delete(conversation);
        conversation.clearedTo = conversation.first;
      }
      this.clearPlaces -= removed;
    }
    if (this.clearing.has(conversation)) this.touch(conversation);
  }

  private tombstonesWritten(conversation: Conversation, marked: ReadonlyMap<number, number>): void {
    // Not what was marked anew meanwhile: expired, say, after it was archived.
    for (const [seq, state] of marked) if (conversation.tombstones!.get(seq) === state) conversation.tombstones!.delete(seq);
    if (conversation.tombstones!.size === 0) conversation.tombstones = undefined;
  }
}

/** LMDB's writer says why in a promise of its own, which would end the process if nobody looked at it. */
async function causeOf(error: Error & { commitError?: Promise<unknown> }): Promise<Error> {
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return new Error(`LMDB could not commit: ${(cause as Error).message}`, { cause });
  }
}

/** Index of the first entry above the place. */
export function firstAbove(entries: readonly LogEntry[], seq: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle].seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface StoreState {
  lsn: number;
  term: number;
  nextId: number;
  entries: number;
}

function encodeState(state: StoreState): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeDoubleLE(state.lsn, 0);
  bytes.writeUInt32LE(state.term, 8);
  bytes.writeUInt32LE(state.nextId, 12);
  bytes.writeDoubleLE(state.entries, 16);
  return bytes;
}

export function decodeState(bytes: Buffer | undefined): StoreState {
  if (!bytes) return { lsn: 0, term: 1, nextId: 1, entries: 0 };
  return { lsn: bytes.readDoubleLE(0), term: bytes.readUInt32LE(8), nextId: bytes.readUInt32LE(12), entries: bytes.readDoubleLE(16) };
}

export function expiryKey(atMs: number, conversation: number, seq: number): Buffer {
  const key = Buffer.allocUnsafe(20);
  writeU64(key, atMs, 0);
  key.writeUInt32BE(conversation, 8);
  writeU64(key, seq, 12);
  return key;
}
