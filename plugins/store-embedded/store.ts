import { Reason } from 'godwit-schemas';
import { EntryState, type OwnCount } from '../../broker/ports/conversation-log.js';
import { Chunks } from './chunks.js';
import { Conversation, Sender } from './conversation.js';
import { Conversations } from './conversations.js';
import type { Database } from './database.js';
import { Dedupe } from './dedupe.js';
import { becomes, tombstone } from './entry.js';
import type { Bodiless, LogEntry } from './entry.js';
import { Fill, META_KEY, decodeState, firstAbove } from './fill.js';
import { Journal } from './journal.js';
import type { JournalRecord } from './journal.js';
import type { StoreLimits } from './limits.js';
import { writeState, writeTrim } from './records.js';
import type { Segments } from './segments.js';
import type { Slab } from './slab.js';
import { Table } from './table.js';
import type { Codec } from './table.js';
import { Windows } from './windows.js';

export interface StoreParts {
  db: Database;
  segments: Segments;
  limits: StoreLimits;
  /** Begins the checksums of the journal: nobody can forge a record by what they write in a message. */
  salt: number;
  now: () => number;
}

/**
 * What the ports share: the journal, what it made durable, and the way of that into LMDB.
 *
 * A change is written into the journal's gathering record, becomes visible in memory when that record is durable, and
 * is filled into LMDB some time later. Rows of tables are visible at once: whatever is built on them is journaled
 * behind them, so a crash never keeps the one without the other.
 */
export class Store {
  readonly db: Database;
  readonly limits: StoreLimits;
  readonly now: () => number;
  readonly conversations: Conversations;
  readonly chunks: Chunks;
  readonly dedupe: Dedupe;
  readonly fill: Fill;
  readonly tables: Table<any>[] = [];
  /** The user's conversations: (user, conversation). */
  readonly lists: Table<true>;
  /** Made behind the tables of the ports. */
  windows!: Windows;
  /** What users wrote: (conversation, user). Rows are put by the fill, with the entries that they count, and never journaled. */
  own!: Table<OwnCount>;
  term: number;
  failure: Error | undefined;
  /** Set when replaying is over. */
  journal!: Journal<Conversation>;
  private readonly segments: Segments;
  private readonly salt: number;
  private replayedLsn: number;
  /** Slabs with entries in memory, oldest first. */
  private slabs: Slab<Conversation>[] = [];
  private slabBytes = 0;

  constructor({ db, segments, limits, salt, now }: StoreParts) {
    this.db = db;
    this.segments = segments;
    this.limits = limits;
    this.salt = salt;
    this.now = now;
    const state = decodeState(db.meta.getBinary(META_KEY));
    this.term = state.term;
    this.replayedLsn = state.lsn;
    this.conversations = new Conversations(db, limits.openConversations);
    this.conversations.nextId = state.nextId;
    this.chunks = new Chunks(db.chunks, limits);
    this.dedupe = new Dedupe(db.dedupe, limits.dedupeRow);
    this.fill = new Fill({
      db,
      limits,
      conversations: this.conversations,
      chunks: this.chunks,
      dedupe: this.dedupe,
      tables: this.tables,
      own: () => this.own,
      lsn: () => this.durableLsn,
      term: () => this.term,
      filled: (lsn) => this.filled(lsn),
      failed: (error) => this.fail(error),
    });
    this.fill.entries = state.entries;
    this.lists = this.table('lists', { encode: () => Buffer.from([1]), decode: () => true });
  }

  /** A table's place in the order of calls names it in the journal: only ever add at the end. */
  table<T>(name: string, codec: Codec<T>): Table<T> {
    const table = new Table(this.tables.length, this.db.rows(name), codec);
    this.tables.push(table);
    return table;
  }

  /** To be called once, when all other tables are there. */
  addWindows(): void {
    this.windows = new Windows(this);
  }

  addOwn(): void {
    this.own = this.table('own counts', ownCodec);
  }

  get durableLsn(): number {
    return this.journal ? this.journal.durableLsn : this.replayedLsn;
  }

  /** While replaying: everything up to this record is in memory. */
  replayed(lsn: number): void {
    this.replayedLsn = lsn;
  }

  /** Replaying is over: from now on the journal is written. */
  start(): void {
    this.journal = new Journal(
      this.segments,
      { ...this.limits, salt: this.salt },
      this.replayedLsn,
      (record) => this.durable(record),
      (error) => this.fail(error),
    );
  }

  readonly room = (bytes: number): JournalRecord<Conversation> => this.journal.room(bytes);

  /** Resolves when everything written so far is durable. @throws when that is not possible any more. */
  commit(): Promise<void> {
    return this.failure ? Promise.reject(this.failure) : this.journal.commit();
  }

  fail(error: Error): void {
    this.failure ??= error;
  }

  sender(conversation: Conversation, name: string): Sender {
    let sender = conversation.senders.get(name);
    if (!sender) {
      const mark = conversation.head === 0 ? '' : this.dedupe.mark(conversation.id, name);
      conversation.senders.set(name, (sender = new Sender(name, conversation.name, mark, this.ownFilled(conversation, name))));
    }
    return sender;
  }

  /** What a user wrote that is durable. */
  ownOf(conversation: Conversation, user: string): OwnCount {
    const sender = conversation.senders.get(user);
    return sender ? sender.ownWith(firstAbove(sender.unfilled, conversation.head)) : this.ownFilled(conversation, user);
  }

  private ownFilled(conversation: Conversation, user: string): OwnCount {
    return (conversation.filledTo === 0 ? undefined : this.own.get(conversation.name, user)) ?? NOTHING;
  }

  /** The conversation is durable: it stands in its members' lists. */
  begun(conversation: Conversation): void {
    conversation.durable = true;
    for (const member of conversation.members) this.lists.put(member, conversation.name, true);
  }

  /** The entry is durable: it becomes the head. */
  appended(conversation: Conversation, entry: LogEntry, slab: Slab<Conversation>): void {
    if (entry.seq !== conversation.head + 1) this.skipped(conversation, entry.seq);
    if (conversation.oldestSentAtMs === 0) conversation.oldestSentAtMs = entry.sentAtMs;
    conversation.tail.push(entry);
    conversation.head = entry.seq;
    conversation.counted = entry.counted;
    if ((entry.flags & FLAG_COMMIT) !== 0) conversation.epoch++;
    if (!conversation.dirty) this.fill.touch(conversation);
    if (conversation.lastSlab !== slab) {
      conversation.lastSlab = slab;
      slab.owners.push(conversation);
    }
  }

  /** A new term begins in this conversation. */
  private skipped(conversation: Conversation, seq: number): void {
    conversation.term = conversation.nextTerm;
    // Nothing is kept before the hole: then all of it lies before `first`.
    if (conversation.first > conversation.head) conversation.first = seq;
    else conversation.holes.push({ from: conversation.head + 1, to: seq - 1, reason: Reason.LOST });
  }

  /** Takes the message out of a place with the next record. */
  markLater(conversation: Conversation, seq: number, state: Bodiless): void {
    conversation.pins++;
    writeState(this.room, conversation.id, seq, state).then.push(() => {
      conversation.pins--;
      this.marked(conversation, seq, state);
    });
  }

  /** Removes places with the next record. */
  trimLater(conversation: Conversation, upTo: number): void {
    conversation.pins++;
    writeTrim(this.room, conversation.id, upTo).then.push(() => {
      conversation.pins--;
      this.trimmed(conversation, upTo);
    });
  }

  /** A place lost its message. */
  marked(conversation: Conversation, seq: number, state: Bodiless): void {
    const { tail } = conversation;
    const isArchived = state === EntryState.Archived;
    if (isArchived) conversation.archivedTo = Math.max(conversation.archivedTo, seq);
    const index = firstAbove(tail, seq) - 1;
    if (index >= 0 && tail[index].seq === seq && becomes(tail[index], state)) tail[index] = tombstone(tail[index], state);
    if (seq > conversation.fillingTo) return;
    conversation.tombstones ??= new Map();
    // Erased while it was being moved: it stays so.
    if (!isArchived || !conversation.tombstones.has(seq)) conversation.tombstones.set(seq, state);
    this.chunks.forget(conversation);
    this.fill.touch(conversation);
    this.fill.soon();
  }

  /** Places up to `upTo` are gone. */
  trimmed(conversation: Conversation, upTo: number): void {
    const last = Math.min(upTo, conversation.head);
    if (last < conversation.first) return;
    const hole = conversation.holes.find(({ from, to }) => from <= last + 1 && to > last);
    conversation.first = (hole ? hole.to : last) + 1;
    conversation.tail.splice(0, firstAbove(conversation.tail, last));
    conversation.holes = conversation.holes.filter(({ to }) => to >= conversation.first);
    this.chunks.forget(conversation);
    const oldest = conversation.tail[0]?.seq === conversation.first ? conversation.tail[0] : this.oldestFilled(conversation);
    conversation.oldestSentAtMs = oldest?.sentAtMs ?? 0;
    this.fill.clear(conversation);
  }

  /** A slab holds entries in memory. */
  holds(slab: Slab<Conversation>): void {
    if (this.slabs.at(-1) === slab) return;
    this.slabs.push(slab);
    this.slabBytes += slab.buffer.length;
  }

  async close(): Promise<void> {
    this.fill.stop();
    if (!this.failure) {
      await this.journal.close();
      await this.fill.close();
    }
    await this.segments.close();
    await this.db.root.close();
  }

  private oldestFilled(conversation: Conversation): LogEntry | undefined {
    const run = this.chunks.run(conversation, conversation.first, { entries: 1, bytes: 1 });
    return run?.entries.find((entry) => entry.seq >= conversation.first) ?? conversation.tail[0];
  }

  private durable(record: JournalRecord<Conversation>): void {
    const { entries, owners, slab } = record;
    for (const then of record.then) then();
    for (let i = 0; i < entries.length; i++) this.appended(owners[i], entries[i], slab);
    if (entries.length > 0) this.holds(slab);
    this.fill.grew(record.end - record.start);
  }

  private filled(lsn: number): void {
    this.segments.applied(lsn);
    const touched = new Set<Conversation>();
    while (this.slabs.length > 1 && this.slabBytes > this.limits.tailBytes && this.slabs[0].lastLsn <= lsn) {
      const slab = this.slabs.shift()!;
      this.slabBytes -= slab.buffer.length;
      for (const conversation of slab.owners) touched.add(conversation);
    }
    if (touched.size === 0) return;
    const held = new Set(this.slabs.map(({ buffer }) => buffer));
    for (const conversation of touched) letGo(conversation, held);
  }
}

export const FLAG_COMMIT = 4;

const NOTHING: OwnCount = { counted: 0, last: 0 };

const ownCodec: Codec<OwnCount> = {
  encode({ counted, last }) {
    const bytes = Buffer.allocUnsafe(16);
    bytes.writeDoubleLE(counted, 0);
    bytes.writeDoubleLE(last, 8);
    return bytes;
  },
  decode: (bytes) => ({ counted: bytes.readDoubleLE(0), last: bytes.readDoubleLE(8) }),
};

/**
 * Drops the oldest entries in memory, up to the first one in a slab that is held. They need not lie in the slab that
 * was let go: an entry of a batch that did not fit one slab counts with the batch's last one, and what expired or was
 * erased lies in none. Whatever stood in the way here would keep everything behind it in memory for good.
 */
function letGo(conversation: Conversation, held: ReadonlySet<Buffer>): void {
  const { tail, filledTo } = conversation;
  let count = 0;
  while (count < tail.length && tail[count].seq <= filledTo && !held.has(tail[count].buffer)) count++;
  if (count > 0) conversation.tail = tail.slice(count);
  if (conversation.lastSlab && !held.has(conversation.lastSlab.buffer)) conversation.lastSlab = undefined;
}
