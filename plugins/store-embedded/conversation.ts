import { stampPrefix } from 'godwit-schemas';
import type { Hole, OwnCount } from '../../broker/ports/conversation-log.js';
import { isCounted } from '../../broker/ports/entries.js';
import { entryId } from './entry.js';
import type { Bodiless, LogEntry } from './entry.js';
import type { ReadRun } from './chunks.js';
import type { Slab } from './slab.js';
import type { Membership } from './windows.js';

/** Stamps kept for one sender: a user has few devices that write. */
const PREFIXES = 16;

/**
 * A user who writes into a conversation: the highest id they used there, and what of theirs is not in the dedupe
 * index yet. An id above the highest is new without a look-up, which is what ULIDs are for.
 */
export class Sender {
  /** Entries that the dedupe index in LMDB does not show yet, in order of seq. */
  unfilled: LogEntry[] = [];
  /** The highest id in LMDB's index, as text; '' = none. */
  filledMark: string;
  private m0 = -1;
  private m1 = 0;
  private m2 = 0;
  private m3 = 0;
  private byId: Map<string, LogEntry> | undefined;
  private readonly prefixes = new Map<string, Uint8Array>();

  constructor(
    readonly name: string,
    readonly conversation: string,
    mark: string,
    /** What LMDB says of it. */
    private own: OwnCount,
  ) {
    this.filledMark = mark;
    if (mark !== '') this.raise(Buffer.from(mark, 'latin1'));
  }

  /** Raises the mark to this id if it is above it; false: it is not, and must be looked up. */
  raise(id: Uint8Array): boolean {
    const a = word(id, 0);
    const b = word(id, 4);
    const c = word(id, 8);
    const d = word(id, 12);
    const higher = a !== this.m0 ? a > this.m0 : b !== this.m1 ? b > this.m1 : c !== this.m2 ? c > this.m2 : d > this.m3;
    if (!higher) return false;
    this.m0 = a;
    this.m1 = b;
    this.m2 = c;
    this.m3 = d;
    return true;
  }

  prefix(device: string): Uint8Array {
    let prefix = this.prefixes.get(device);
    if (!prefix) {
      if (this.prefixes.size >= PREFIXES) this.prefixes.clear();
      this.prefixes.set(device, (prefix = stampPrefix(this.name, device, this.conversation)));
    }
    return prefix;
  }

  appended(entry: LogEntry): void {
    this.unfilled.push(entry);
    this.byId?.set(entryId(entry), entry);
  }

  /** The entry of this id, if it is not in LMDB's index yet. */
  find(id: string): LogEntry | undefined {
    if (this.unfilled.length === 0) return undefined;
    this.byId ??= new Map(this.unfilled.map((entry) => [entryId(entry), entry]));
    return this.byId.get(id);
  }

  /** What they wrote, with the first `count` unfilled entries. Counted when it is asked for: nothing is done for it with every message. */
  ownWith(count: number): OwnCount {
    let { counted, last } = this.own;
    for (let i = 0; i < count; i++) {
      if (!isCounted(this.unfilled[i])) continue;
      counted++;
      last = this.unfilled[i].seq;
    }
    return counted === this.own.counted ? this.own : { counted, last };
  }

  /** LMDB's index has the first `count` unfilled entries. */
  filled(count: number): void {
    this.own = this.ownWith(count);
    this.unfilled = this.unfilled.slice(count);
    this.byId = undefined;
  }
}

/** A conversation that is held open: where its log stands, and its newest entries. */
export class Conversation {
  /** What everyone may see: everything up to here is durable. */
  durable = false;
  head = 0;
  first = 1;
  counted = 0;
  epoch = 0;
  /** What the next append goes by: ahead of the above by what is on its way to the disk. */
  last = 0;
  lastCounted = 0;
  nextEpoch = 0;
  nextTerm = 0;
  /** The term of the newest durable entry. */
  term = 0;
  holes: Hole[] = [];
  /** When the place `first` was sent; 0 = nothing is kept. */
  oldestSentAtMs = 0;

  /** The newest durable entries, in order; all that are not in LMDB, and some that are. */
  tail: LogEntry[] = [];
  /** Places up to here are in LMDB, or in the fill that is under way. */
  filledTo = 0;
  fillingTo = 0;
  /** Places up to here are in the archive, or were gone before they could be; 0 = there is none. */
  archivedTo = 0;
  /** Chunks whose places all lie below this are gone from LMDB. */
  clearedTo = 1;
  /** LMDB's last chunk: its first place and its bytes. */
  chunkFirst = 0;
  chunkBytes = 0;
  /** Places in LMDB that lost their message, and are not written there yet. */
  tombstones: Map<number, Bodiless> | undefined;
  /** Stands in the list of the next fill. */
  dirty = false;
  /** Is in the fill that is under way: LMDB's record of it is old. */
  filling = false;
  /** It, or who is in it, is not in LMDB yet. */
  created = false;

  readonly senders = new Map<string, Sender>();
  /** Of a group, once it was asked for. */
  membership: Membership | undefined;
  /** Pieces read from LMDB, for whoever reads on. */
  runs: ReadRun[] = [];
  lastSlab: Slab<Conversation> | undefined;
  /** Changes of it that are on their way to the disk, besides appends. */
  pins = 0;
  /** Was used since the last look at who is idle. */
  used = true;

  constructor(
    readonly id: number,
    readonly name: string,
    /** Of a one-to-one or a feed; without those who were removed. */
    public members: readonly string[],
  ) {}

  /** Nothing in memory that LMDB does not have. */
  get idle(): boolean {
    return !this.dirty && !this.filling && this.pins === 0 && this.last === this.filledTo;
  }
}

function word(id: Uint8Array, at: number): number {
  return ((id[at] << 24) | (id[at + 1] << 16) | (id[at + 2] << 8) | id[at + 3]) >>> 0;
}
