import type { ConversationLog, ReadLimit, SweepReport } from './conversation-log.js';

/** A message as it lies in an archive; what else its entry has stays in the log. */
export interface ArchivedMessage {
  readonly seq: number;
  /** The Message as delivered: the sender's fields, then the server's stamp. */
  readonly message: Uint8Array;
  /** Where in `message` the stamp begins. */
  readonly stamp: number;
  readonly aux: Uint8Array | undefined;
  /** Unix milliseconds; 0 = never. */
  readonly expiresAtMs: number;
}

/**
 * Where old messages lie. The log is the authority on what there is: what an archive has beyond that is never shown.
 * Atomic: each message for itself. Durable when a promise resolves.
 */
export interface Archive {
  /** Puts these messages, in place of what it may have of their places. */
  put(conversation: string, messages: readonly ArchivedMessage[]): Promise<void>;
  /** What it has of the places [from, to], in order, within the limit. */
  read(conversation: string, from: number, to: number, limit: ReadLimit): Promise<readonly ArchivedMessage[]>;
  erase(conversation: string, seq: number): Promise<void>;
  /** Everything up to `upTo` goes. */
  trim(conversation: string, upTo: number): Promise<void>;
  /** Everything that has expired by then goes. */
  expire(nowMs: number): Promise<void>;
  /** The conversations that it has anything of, in order of their names, from the one after `after` on. */
  conversations(after: string, limit: number): Promise<readonly string[]>;
}

/** Which places of a conversation are old enough to move. */
export interface ArchiveRule {
  /** Those sent before (Unix milliseconds); 0 = none for their age. */
  readonly sentBeforeMs: number;
  /** Those beyond the newest so many; 0 = none for their number. */
  readonly keep: number;
  /** The newest so many stay in any case. */
  readonly tail: number;
}

export interface Places {
  readonly conversation: string;
  readonly from: number;
  readonly to: number;
}

/**
 * A log whose old messages can move to an archive. Of such a place it keeps all but the message: who sent it, its id,
 * its time, its running number. `read` gives it with the state Archived.
 */
export interface ArchivableLog extends ConversationLog {
  /** What may move, a conversation at a time, in pieces of at most some 10 ms. */
  archivable(rule: ArchiveRule): AsyncIterable<Places>;
  /** The messages of these places are in the archive, and everything up to `upTo` is dealt with. What is not Live stays as it is. Durable when resolved. */
  archived(conversation: string, places: readonly number[], upTo: number): Promise<void>;
  /** As of a ConversationLog; `gone` is told of places up to `upTo` that were removed, and may be in the archive. */
  sweep(nowMs: number, trimmable?: Parameters<ConversationLog['sweep']>[1], gone?: (conversation: string, upTo: number) => void): Promise<SweepReport>;
}
