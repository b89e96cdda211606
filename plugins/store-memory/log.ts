import { Code, isGroupConversation, Reason, stampPrefix, stampSize, writeStamp } from 'godwit-schemas';
import { EntryState } from '../../broker/ports/conversation-log.js';
import type { Append, ConversationLog, Entry, Hole, LogHead, MaybePromise, OwnCount, ReadLimit, SweepReport, Trimmable, Window } from '../../broker/ports/conversation-log.js';
import { ALWAYS, isMember, joinedAt, leftAt, NEVER } from '../../broker/ports/windows.js';

const FLAG_SILENT = 1;
const FLAG_COMMIT = 4;
const TERM_SKIP = 2 ** 32;

interface Kept extends Entry {
  readonly identity: string;
  readonly id: Uint8Array;
}

interface Log extends LogHead {
  windows: Map<string, readonly Window[]>;
  own: Map<string, OwnCount>;
  term: number;
  entries: Kept[];
  identities: Map<string, Kept>;
  holes: Hole[];
}

/** What `append` was given, with the sender's bytes copied: the caller may use its buffer again. */
interface Accepted {
  append: Append;
  bytes: Buffer;
  id: Buffer;
  aux: Buffer | undefined;
}

export class MemoryLog implements ConversationLog {
  private readonly logs = new Map<string, Log>();
  private readonly lists = new Map<string, string[]>();
  private term = 1;
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly now: () => number) {}

  append(batch: readonly Append[]): Promise<void> {
    const accepted = batch.map((append): Accepted => ({
      append,
      bytes: Buffer.from(append.buffer.subarray(append.start, append.end)),
      id: Buffer.from(append.id),
      aux: append.aux && Buffer.from(append.aux),
    }));
    this.last = this.last.then(() => {
      for (const one of accepted) this.appendOne(one);
    });
    return this.last;
  }

  read(conversation: string, from: number, limit: ReadLimit): readonly Entry[] {
    const entries: Entry[] = [];
    let bytes = 0;
    for (const entry of this.logs.get(conversation)?.entries ?? []) {
      if (entry.seq < from) continue;
      if (entries.length >= limit.entries || bytes >= limit.bytes) break;
      entries.push(entry);
      bytes += entry.end - entry.start;
    }
    return entries;
  }

  head(conversation: string): LogHead | undefined {
    const log = this.logs.get(conversation);
    return log && { head: log.head, first: log.first, counted: log.counted, epoch: log.epoch };
  }

  holes(conversation: string): readonly Hole[] {
    return [...(this.logs.get(conversation)?.holes ?? [])];
  }

  conversationsOf(user: string): readonly string[] {
    return [...(this.lists.get(user) ?? [])];
  }

  membersOf(conversation: string): readonly string[] {
    return [...(this.logs.get(conversation)?.windows ?? [])].flatMap(([user, windows]) => (isMember(windows) ? [user] : []));
  }

  windowsOf(conversation: string, user: string): readonly Window[] {
    return this.logs.get(conversation)?.windows.get(user) ?? NEVER;
  }

  allWindows(conversation: string): ReadonlyMap<string, readonly Window[]> {
    return new Map(this.logs.get(conversation)?.windows);
  }

  ownOf(conversation: string, user: string): OwnCount {
    return this.logs.get(conversation)?.own.get(user) ?? { counted: 0, last: 0 };
  }

  async forgetUser(user: string): Promise<void> {
    for (const name of this.lists.get(user) ?? []) {
      const log = this.logs.get(name)!;
      log.windows.delete(user);
      if (log.windows.size === 0) this.trimNow(name, log.head);
    }
    this.lists.delete(user);
  }

  async erase(conversation: string, seq: number, state: EntryState.Erased | EntryState.Expired): Promise<boolean> {
    const log = this.logs.get(conversation);
    const index = log ? log.entries.findIndex((entry) => entry.seq === seq) : -1;
    if (!log || index < 0) return false;
    if (log.entries[index].state !== EntryState.Live) return true;
    const tombstone = withoutBody(log.entries[index], state);
    log.entries[index] = tombstone;
    log.identities.set(tombstone.identity, tombstone);
    return true;
  }

  async trim(conversation: string, upTo: number): Promise<void> {
    this.trimNow(conversation, upTo);
  }

  async sweep(nowMs: number, trimmable?: (conversation: string, oldestSentAtMs: number) => MaybePromise<Trimmable | undefined>): Promise<SweepReport> {
    const report = { expired: 0, trimmed: 0 };
    for (const [name, log] of this.logs) {
      for (const entry of [...log.entries]) {
        if (entry.state !== EntryState.Live || entry.expiresAtMs === 0 || entry.expiresAtMs > nowMs) continue;
        await this.erase(name, entry.seq, EntryState.Expired);
        report.expired++;
      }
      if (!trimmable || log.entries.length === 0) continue;
      const may = await trimmable(name, log.entries[0].sentAtMs);
      if (!may) continue;
      const kept = log.entries.find((entry) => entry.seq > may.upTo && entry.sentAtMs >= may.sentBeforeMs);
      report.trimmed += this.trimNow(name, kept ? kept.seq - 1 : log.head);
    }
    return report;
  }

  async beginTerm(): Promise<void> {
    this.term++;
  }

  private appendOne({ append, bytes, id, aux }: Accepted): void {
    const known = this.logs.get(append.conversation);
    const identity = `${append.from}\0${id.toString('latin1')}`;
    const first = known?.identities.get(identity);
    append.code = Code.OK;
    append.duplicate = first !== undefined;
    if (first) {
      append.seq = first.seq;
      append.sentAtMs = first.sentAtMs;
      return;
    }
    const isGroup = isGroupConversation(append.conversation);
    if (isGroup && !known && !append.membership) append.code = Code.UNKNOWN_CONVERSATION;
    else if (isGroup && append.from !== '' && !isMember(known?.windows.get(append.from) ?? NEVER)) append.code = Code.NOT_ALLOWED;
    if (append.code !== Code.OK) return;
    const isCommit = (append.flags & FLAG_COMMIT) !== 0;
    if (isCommit && append.epoch !== (known?.epoch ?? 0)) {
      append.code = Code.EPOCH_CONFLICT;
      return;
    }
    const log = known ?? this.begin(append.conversation, append.members);
    if (isCommit) log.epoch++;
    if (log.term !== this.term) this.skip(log);
    append.seq = ++log.head;
    if ((append.flags & FLAG_SILENT) === 0) {
      log.counted++;
      log.own.set(append.from, { counted: (log.own.get(append.from)?.counted ?? 0) + 1, last: append.seq });
    }
    append.sentAtMs = this.now();
    for (const user of append.members) if (known && !known.windows.has(user)) this.change(log, append.conversation, user, joinedAt, append.seq);
    for (const user of append.membership?.joined ?? []) this.change(log, append.conversation, user, joinedAt, append.seq);
    for (const user of append.membership?.left ?? []) this.change(log, append.conversation, user, leftAt, append.seq);

    const prefix = stampPrefix(append.from, append.fromDevice, append.conversation);
    const buffer = Buffer.alloc(bytes.length + stampSize(prefix));
    bytes.copy(buffer);
    const entry: Kept = {
      seq: append.seq,
      sentAtMs: append.sentAtMs,
      expiresAtMs: append.expiresInS === 0 ? 0 : append.sentAtMs + append.expiresInS * 1000,
      state: EntryState.Live,
      flags: append.flags,
      counted: log.counted,
      buffer,
      start: 0,
      end: writeStamp(buffer, bytes.length, prefix, append.seq, append.sentAtMs),
      stamp: bytes.length,
      aux,
      identity,
      id,
    };
    log.entries.push(entry);
    log.identities.set(identity, entry);
  }

  private begin(conversation: string, members: readonly string[]): Log {
    const log: Log = { head: 0, first: 1, counted: 0, epoch: 0, windows: new Map(), own: new Map(), term: this.term, entries: [], identities: new Map(), holes: [] };
    this.logs.set(conversation, log);
    for (const user of members) this.change(log, conversation, user, () => ALWAYS, 1);
    return log;
  }

  private change(log: Log, conversation: string, user: string, by: (windows: readonly Window[], seq: number) => readonly Window[], seq: number): void {
    const windows = by(log.windows.get(user) ?? NEVER, seq);
    if (windows.length === 0) return;
    log.windows.set(user, windows);
    const list = this.lists.get(user);
    if (!list) this.lists.set(user, [conversation]);
    else if (!list.includes(conversation)) list.push(conversation);
  }

  /** The first append of a new term leaves a hole. */
  private skip(log: Log): void {
    log.term = this.term;
    if (log.head === 0) return;
    const to = log.head + TERM_SKIP;
    if (log.first > log.head) log.first = to + 1;
    else log.holes.push({ from: log.head + 1, to, reason: Reason.LOST });
    log.head = to;
  }

  private trimNow(conversation: string, upTo: number): number {
    const log = this.logs.get(conversation);
    if (!log) return 0;
    const last = Math.min(upTo, log.head);
    let removed = 0;
    for (const entry of log.entries) {
      if (entry.seq > last) break;
      if (log.identities.get(entry.identity) === entry) log.identities.delete(entry.identity);
      removed++;
    }
    log.entries.splice(0, removed);
    const hole = log.holes.find(({ from, to }) => from <= last + 1 && to > last);
    log.first = Math.max(log.first, (hole ? hole.to : last) + 1);
    log.holes = log.holes.filter(({ to }) => to >= log.first);
    return removed;
  }
}

/** The place as it remains: the message has nothing but its id and the stamp. */
function withoutBody(entry: Kept, state: EntryState.Erased | EntryState.Expired): Kept {
  const buffer = Buffer.concat([Buffer.from([0x0a, 16]), entry.id, entry.buffer.subarray(entry.stamp, entry.end)]);
  return { ...entry, state, buffer, start: 0, end: buffer.length, stamp: 18, aux: undefined };
}
