import { Code, isGroupConversation, writeStamp } from 'godwit-schemas';
import { EntryState } from '../../broker/ports/conversation-log.js';
import type { Append, Entry, Hole, LogHead, MaybePromise, OwnCount, ReadLimit, SweepReport, Trimmable, Window } from '../../broker/ports/conversation-log.js';
import type { ArchivableLog, ArchiveRule, Places } from '../../broker/ports/archive.js';
import { isMember } from '../../broker/ports/windows.js';
import { archivable } from './archivable.js';
import type { Conversation, Sender } from './conversation.js';
import { ENTRY_HEADER, ENTRY_ID, LogEntry, becomes, expiresAt } from './entry.js';
import { firstAbove } from './fill.js';
import type { JournalRecord } from './journal.js';
import { APPEND_HEADER, createSize, writeAppendHeader, writeCreate, writeTerm } from './records.js';
import { FLAG_COMMIT } from './store.js';
import type { Store } from './store.js';
import { sweep, type Gone } from './sweep.js';

const FLAG_SILENT = 1;
const TERM_SKIP = 2 ** 32;
const NONE: readonly never[] = [];
const NOT_THERE: ReadonlyMap<string, readonly Window[]> = new Map();

export class EmbeddedLog implements ArchivableLog {
  constructor(private readonly store: Store) {}

  append(batch: readonly Append[]): Promise<void> {
    if (this.store.failure) return Promise.reject(this.store.failure);
    const nowMs = this.store.now();
    // In one record, if it fits one: then it becomes visible at once.
    let record = this.store.room(Math.min(this.bound(batch), this.store.journal.largest));
    let begin = record.entries.length;
    for (let i = 0; i < batch.length; i++) {
      const used = this.appendOne(batch[i], nowMs);
      if (used === undefined || used === record) continue;
      used.take(record, begin);
      record = used;
      begin = 0;
    }
    return this.store.commit();
  }

  read(name: string, from: number, limit: ReadLimit): readonly LogEntry[] {
    const conversation = this.store.conversations.get(name);
    if (!conversation?.durable) return NONE;
    let at = Math.max(from, conversation.first);
    if (at > conversation.head) return NONE;
    const { tail } = conversation;
    const isFilled = tail.length === 0 || at < tail[0].seq;
    const single = isFilled && limit.entries === 1 ? this.store.chunks.single(conversation, at) : undefined;
    if (single) return [single];
    const entries: LogEntry[] = [];
    let bytes = 0;
    while (tail.length === 0 || at < tail[0].seq) {
      const run = this.store.chunks.run(conversation, at, limit);
      if (!run) break;
      for (let i = firstAbove(run.entries, at - 1); i < run.entries.length; i++) {
        if (entries.length >= limit.entries || bytes >= limit.bytes) return entries;
        entries.push(run.entries[i]);
        bytes += run.entries[i].end - run.entries[i].start;
      }
      at = run.to + 1;
      if (at > conversation.filledTo) break;
    }
    for (let i = firstAbove(tail, at - 1); i < tail.length; i++) {
      if (entries.length >= limit.entries || bytes >= limit.bytes) return entries;
      entries.push(tail[i]);
      bytes += tail[i].end - tail[i].start;
    }
    return entries;
  }

  head(name: string): LogHead | undefined {
    const conversation = this.store.conversations.get(name);
    if (!conversation?.durable) return undefined;
    const { head, first, counted, epoch } = conversation;
    return { head, first, counted, epoch };
  }

  holes(name: string): readonly Hole[] {
    const conversation = this.store.conversations.get(name);
    return conversation ? [...conversation.holes] : NONE;
  }

  conversationsOf(user: string): readonly string[] {
    return [...this.store.lists.all(user).keys()];
  }

  membersOf(name: string): readonly string[] {
    const conversation = this.store.conversations.get(name);
    return conversation?.durable ? this.store.windows.members(conversation) : NONE;
  }

  windowsOf(name: string, user: string): readonly Window[] {
    const conversation = this.store.conversations.get(name);
    return conversation?.durable ? this.store.windows.of(conversation, user) : NONE;
  }

  allWindows(name: string): ReadonlyMap<string, readonly Window[]> {
    const conversation = this.store.conversations.get(name);
    return conversation?.durable ? this.store.windows.all(conversation) : NOT_THERE;
  }

  ownOf(name: string, user: string): OwnCount {
    const conversation = this.store.conversations.get(name);
    return conversation?.durable ? this.store.ownOf(conversation, user) : { counted: 0, last: 0 };
  }

  async forgetUser(user: string): Promise<void> {
    const { store } = this;
    for (const name of store.lists.all(user).keys()) {
      const conversation = store.conversations.get(name);
      if (conversation && !store.windows.forget(conversation, user)) store.trimLater(conversation, conversation.head);
    }
    await store.commit();
  }

  async erase(name: string, seq: number, state: EntryState.Erased | EntryState.Expired): Promise<boolean> {
    const conversation = this.store.conversations.get(name);
    const [entry] = conversation ? this.read(name, seq, { entries: 1, bytes: 1 }) : NONE;
    if (!conversation || entry?.seq !== seq) return false;
    if (becomes(entry, state)) this.store.markLater(conversation, seq, state);
    await this.store.commit();
    return true;
  }

  async trim(name: string, upTo: number): Promise<void> {
    const conversation = this.store.conversations.get(name);
    if (!conversation?.durable || Math.min(upTo, conversation.head) < conversation.first) return;
    const last = Math.min(upTo, conversation.head);
    this.store.trimLater(conversation, last);
    await this.store.commit();
  }

  sweep(nowMs: number, trimmable?: (conversation: string, oldestSentAtMs: number) => MaybePromise<Trimmable | undefined>, gone?: Gone): Promise<SweepReport> {
    return sweep(this.store, this, nowMs, trimmable, gone);
  }

  archivable(rule: ArchiveRule): AsyncIterable<Places> {
    return archivable(this.store, this, rule);
  }

  async archived(name: string, places: readonly number[], upTo: number): Promise<void> {
    const conversation = this.store.conversations.get(name);
    if (!conversation) return;
    for (const seq of places) this.store.markLater(conversation, seq, EntryState.Archived);
    if (places.at(-1) !== upTo) this.store.markLater(conversation, upTo, EntryState.Archived);
    await this.store.commit();
  }

  async beginTerm(): Promise<void> {
    this.store.term++;
    writeTerm(this.store.room, this.store.term);
    await this.store.commit();
  }

  /** Bytes that the batch takes at most, but for new conversations. */
  private bound(batch: readonly Append[]): number {
    let bytes = 0;
    for (let i = 0; i < batch.length; i++) {
      const { start, end, aux } = batch[i];
      bytes += APPEND_HEADER + ENTRY_HEADER + end - start + (aux ? aux.length : 0) + STAMP_ROOM;
    }
    return bytes;
  }

  /** The record it went into; undefined if nothing was written. */
  private appendOne(append: Append, nowMs: number): JournalRecord<Conversation> | undefined {
    const { store } = this;
    append.code = Code.OK;
    append.duplicate = false;
    const known = store.conversations.get(append.conversation);
    let sender: Sender | undefined;
    if (known) {
      sender = store.sender(known, append.from);
      if (!sender.raise(append.id) && this.isResend(known, sender, append)) return undefined;
    }
    if (isGroupConversation(append.conversation) && (append.code = this.mayAppend(known, append)) !== Code.OK) return undefined;
    const isCommit = (append.flags & FLAG_COMMIT) !== 0;
    if (isCommit && append.epoch !== (known ? known.nextEpoch : 0)) {
      append.code = Code.EPOCH_CONFLICT;
      return undefined;
    }

    const { membership } = append;
    let size = APPEND_HEADER + ENTRY_HEADER + append.end - append.start + STAMP_ROOM + (append.aux ? append.aux.length : 0);
    if (membership) size += store.windows.size(append.conversation, membership);
    const returning = known ? store.windows.returning(known, append.members) : NONE;
    if (returning.length > 0) size += store.windows.returnSize(known!, returning);
    // A conversation and its first entry in one record.
    const record = store.room(known ? size : size + createSize(append.conversation, append.members));
    const conversation = known ?? this.create(append);
    sender ??= this.firstSender(conversation, append);
    if (isCommit) conversation.nextEpoch++;
    if (conversation.nextTerm !== store.term) {
      conversation.nextTerm = store.term;
      conversation.last += TERM_SKIP;
    }
    if ((append.flags & FLAG_SILENT) === 0) conversation.lastCounted++;
    append.seq = ++conversation.last;
    append.sentAtMs = nowMs;
    if (membership) store.windows.change(conversation, membership, append.seq);
    if (returning.length > 0) store.windows.bringBack(conversation, returning, append.seq);

    const entry = writeEntry(record, conversation, sender, append);
    sender.appended(entry);
    record.entries.push(entry);
    record.owners.push(conversation);
    return record;
  }

  /** Into a group; `known` may not be durable yet. */
  private mayAppend(known: Conversation | undefined, { from, membership }: Append): Code {
    if (!known) return membership ? Code.OK : Code.UNKNOWN_CONVERSATION;
    return from === '' || isMember(this.store.windows.of(known, from)) ? Code.OK : Code.NOT_ALLOWED;
  }

  private create(append: Append): Conversation {
    const { store } = this;
    const conversation = store.conversations.create(store.conversations.nextId, append.conversation, append.members);
    conversation.term = conversation.nextTerm = store.term;
    writeCreate(store.room, conversation.id, conversation.name, conversation.members);
    store.room(0).then.push(() => store.begun(conversation));
    return conversation;
  }

  private firstSender(conversation: Conversation, append: Append): Sender {
    const sender = this.store.sender(conversation, append.from);
    sender.raise(append.id);
    return sender;
  }

  /** Whether the log holds (from, id) already; then the outcome is that of the first time. */
  private isResend(conversation: Conversation, sender: Sender, append: Append): boolean {
    const id = Buffer.from(append.id).toString('latin1');
    let first: Entry | undefined = sender.find(id);
    if (!first) {
      const seq = this.store.dedupe.find(conversation.id, sender.name, id);
      if (seq !== undefined && seq >= conversation.first) [first] = this.read(conversation.name, seq, { entries: 1, bytes: 1 });
    }
    if (!first || first.seq < conversation.first) return false;
    append.duplicate = true;
    append.seq = first.seq;
    append.sentAtMs = first.sentAtMs;
    return true;
  }
}

/** Room for a stamp: ids of 64, a device of 32, a direct conversation's name of 131, and two numbers. */
const STAMP_ROOM = 272;

/** Copies the sender's bytes behind the record's end and stamps them. */
function writeEntry(record: JournalRecord<Conversation>, conversation: Conversation, sender: Sender, append: Append): LogEntry {
  const { buffer, view } = record.slab;
  const { seq, sentAtMs, id, aux } = append;
  const prefix = sender.prefix(append.fromDevice);
  writeAppendHeader(view, record.end, conversation.id);
  const at = record.end + APPEND_HEADER;
  const start = at + ENTRY_HEADER;
  buffer.set(append.buffer.subarray(append.start, append.end), start);
  const stamp = start + append.end - append.start;
  const end = writeStamp(buffer, stamp, prefix, seq, sentAtMs);
  let after = end;
  if (aux) {
    buffer.set(aux, end);
    after += aux.length;
  }
  view.setUint32(at, after - at, true);
  view.setUint32(at + 4, stamp - start, true);
  view.setUint32(at + 8, end - start, true);
  view.setUint32(at + 12, append.flags, true);
  view.setFloat64(at + 16, seq, true);
  view.setFloat64(at + 24, sentAtMs, true);
  view.setFloat64(at + 32, conversation.lastCounted, true);
  view.setUint32(at + 40, append.expiresInS, true);
  view.setUint32(at + 44, EntryState.Live, true);
  for (let i = 0; i < 16; i++) buffer[at + ENTRY_ID + i] = id[i];
  record.end = after;
  return new LogEntry(
    seq,
    sentAtMs,
    expiresAt(sentAtMs, append.expiresInS),
    EntryState.Live,
    append.flags,
    conversation.lastCounted,
    buffer,
    start,
    end,
    stamp,
    aux && buffer.subarray(end, after),
  );
}
