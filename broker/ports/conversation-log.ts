import type { Code, Reason } from 'godwit-schemas';

/** A value at hand, or one that must be fetched: embedded stores answer at once, others with a promise. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * One publish on its way into a conversation's log. The caller fills the first part; `ConversationLog.append`
 * fills the second, in place (a hundred thousand a second: no second object).
 */
export interface Append {
  /** `d:<user>:<user>`, `g:<group>` or `u:<user>`. */
  conversation: string;
  /** Users in whose lists the conversation must stand before its first entry (direct: both; once for a note to self; of a group nobody: see `membership`). */
  members: readonly string[];
  /** Who joins and leaves a group with this entry. */
  membership?: MembershipChange | undefined;
  from: string;
  /** Empty when the message came by HTTP: then every device of the sender receives it. */
  fromDevice: string;
  /** The 16 bytes of the message's id; together with `from` its identity within the conversation. */
  id: Uint8Array;
  /** The sender's encoded Message fields, without `device_bodies` and `preview`: [start, end) of `buffer`. */
  buffer: Uint8Array;
  start: number;
  end: number;
  /** The encoded fields `device_bodies` and `preview`, kept beside the entry; undefined when there are none. */
  aux: Uint8Array | undefined;
  /** Bits of Message.flags. A silent entry (bit 1) does not raise `counted`. */
  flags: number;
  /** Key epoch that a commit (flag bit 4) was made in. */
  epoch: number;
  /** Seconds until it disappears, counted from `sentAtMs`; 0 = never. */
  expiresInS: number;

  /** OK, or why it was not appended (EPOCH_CONFLICT, STORAGE_FULL, NOT_ALLOWED, UNAVAILABLE). */
  code: Code;
  /** Place in the log, from 1; of the first append if `duplicate`. */
  seq: number;
  /** Server clock, Unix milliseconds; of the first append if `duplicate`. */
  sentAtMs: number;
  /** The log holds (from, id) already: nothing was written. */
  duplicate: boolean;
}

/** The entry that says so is the first place that who joins is given, and the last that who leaves is. */
export interface MembershipChange {
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

/** A time that a user is in a conversation: the places from `from` to `to`, both included; `to` Infinity: they are still. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export const enum EntryState {
  Live = 0,
  /** Taken back by its sender or an admin; the place, from and id remain. */
  Erased = 1,
  /** Disappeared after its `expires_in_s`; the place, from and id remain. */
  Expired = 2,
  /** Its message is in an archive: nobody but the archive's reader is given such an entry, unless the archive has lost it. */
  Archived = 3,
}

/** One place of a log, as `read` gives it. `buffer` must not be written to, and is valid for as long as it is held (which may hold a megabyte: not for long). */
export interface Entry {
  readonly seq: number;
  readonly sentAtMs: number;
  /** Unix milliseconds; 0 = never. An entry past it may still be Live until the sweep: the reader must compare. */
  readonly expiresAtMs: number;
  readonly state: EntryState;
  readonly flags: number;
  /** How many non-silent entries the log held up to and with this one: unread counts are differences of these. */
  readonly counted: number;
  /** The Message as delivered (the sender's fields and the server's stamp, fields 10-14): [start, end) of `buffer`. */
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  /** Where in `buffer` the stamp begins: `from` (field 10) is first, then `from_device` if there is one. */
  readonly stamp: number;
  readonly aux: Buffer | undefined;
}

export interface LogHead {
  /** Place of the newest entry; 0 = empty. */
  head: number;
  /** The oldest place that is kept; everything before it is a gap (TRIMMED, or LOST across terms). `head + 1` when nothing is kept. */
  first: number;
  /** Running number of non-silent entries at the head. */
  counted: number;
  /** Encryption epoch. */
  epoch: number;
}

/** What one user wrote into a log, but for silent entries. */
export interface OwnCount {
  /** How many, trimmed ones too. */
  readonly counted: number;
  /** The place of the newest; 0 = none. */
  readonly last: number;
}

export interface ReadLimit {
  /** At most this many entries. */
  entries: number;
  /** Stop after the entry that reaches this many bytes; at least one entry is given. */
  bytes: number;
  /** Asked is only who wrote when, and what counts: a message that lies in an archive may be left out. */
  withoutMessages?: true;
}

/** What lies at a place where no entry is: [from, to], both included. */
export interface Hole {
  from: number;
  to: number;
  reason: Reason;
}

/**
 * The logs of all conversations.
 *
 * Atomic: an entry, its dedupe mark (from, id) and, on a conversation's first append, the conversation's place in
 * its members' lists are one commit. Ordered: entries of one conversation get seq 1, 2, 3 … in the order of the
 * batches and of the requests within a batch. Durable: when `append` resolves, everything in the batch survives
 * kill -9 and loss of power.
 */
export interface ConversationLog {
  /**
   * Appends a batch, filling in each request's outcome. Batches may be handed over while earlier ones are under way;
   * they resolve in their order. Nothing of a batch is visible to `read` or `head` before it resolves. (Who joins or
   * leaves may be seen in `windowsOf`, `allWindows` and `membersOf` before that.)
   *
   * Into a group (`g:`) only its members of that moment append, and the server itself (`from` empty): anyone else is
   * refused with NOT_ALLOWED, UNKNOWN_CONVERSATION where there is no such group. The first entry of a group has the
   * membership that it begins with. The entry and its membership are one commit.
   * The bytes are copied before the call returns.
   * @throws if the commit failed: nobody may be acknowledged, the process must end.
   */
  append(batch: readonly Append[]): Promise<void>;

  /** Entries from `from` on, in order of seq, holes passed over. Empty when `from` is beyond the head. */
  read(conversation: string, from: number, limit: ReadLimit): MaybePromise<readonly Entry[]>;

  /** undefined: no such conversation. */
  head(conversation: string): MaybePromise<LogHead | undefined>;

  /** The holes of a log that lie above its `first` (a new term after a restore), in order. */
  holes(conversation: string): MaybePromise<readonly Hole[]>;

  /** The conversations of a user, in no particular order. */
  conversationsOf(user: string): MaybePromise<readonly string[]>;

  /** Who is in the conversation now; empty: no such conversation, or nobody is in it any more. */
  membersOf(conversation: string): MaybePromise<readonly string[]>;

  /** When this user was and is in the conversation, in order; empty: never. In a one-to-one always, but for who was forgotten. */
  windowsOf(conversation: string, user: string): MaybePromise<readonly Window[]>;

  /** The windows of everyone who is or was in the conversation, as `windowsOf` gives them; who was forgotten is not among them. */
  allWindows(conversation: string): MaybePromise<ReadonlyMap<string, readonly Window[]>>;

  /** What this user wrote into the conversation: to be taken off what is counted for them to read. As of the same head, where `head` is asked in the same turn. */
  ownOf(conversation: string, user: string): MaybePromise<OwnCount>;

  /**
   * The user's conversations are theirs no more: no list names them, no window is left. They stay the others'; what is
   * nobody's any more loses what it holds. Whoever appends with them among the `members` brings them back into a
   * one-to-one, from that place on. Durable when resolved. They must have left their groups.
   */
  forgetUser(user: string): Promise<void>;

  /** Takes the body out of a place; (from, id) stay, so that a late resend cannot bring it back. Durable when resolved. False: no such place. */
  erase(conversation: string, seq: number, state: EntryState.Erased | EntryState.Expired): Promise<boolean>;

  /** Removes every place up to and with `upTo` (never beyond the head). Durable when resolved. */
  trim(conversation: string, upTo: number): Promise<void>;

  /**
   * Expires everything that is due at `nowMs`, in pieces of at most some 10 ms, and trims what `trimmable` lets go. That
   * is asked for every conversation that keeps something (undefined: it keeps all); left out, nothing is trimmed.
   */
  sweep(nowMs: number, trimmable?: (conversation: string, oldestSentAtMs: number) => MaybePromise<Trimmable | undefined>): Promise<SweepReport>;

  /** Begins a new term: the next append to each conversation skips 2^32 places, and the hole is LOST. Durable when resolved. */
  beginTerm(): Promise<void>;
}

/** What retention lets go of a conversation, from its oldest end: the places up to `upTo`, and those sent before `sentBeforeMs`. */
export interface Trimmable {
  /** 0 = none by place. */
  upTo: number;
  /** Unix milliseconds; 0 = none by age. */
  sentBeforeMs: number;
}

export interface SweepReport {
  /** Places that lost their body because their time had come. */
  expired: number;
  /** Places that were removed. */
  trimmed: number;
}
