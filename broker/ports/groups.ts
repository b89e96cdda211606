import type { GroupChange, GroupPermission, GroupRole } from 'godwit-schemas';
import type { MaybePromise, MembershipChange } from './conversation-log.js';

export interface GroupMemberRecord {
  role: GroupRole;
  joinedAtMs: number;
}

export interface InvitationRecord {
  /** Names it; not its token. */
  id: string;
  /** SHA-256 of the token's secret, hex. */
  hash: string;
  by: string;
  expiresAtMs: number;
  /** 0 = as many as there are. */
  usesLeft: number;
}

/** A change that the record has already, and the log and the feeds perhaps not. */
export interface GroupIntent {
  /** Unix milliseconds of the change. */
  readonly atMs: number;
  readonly change: GroupChange;
  readonly membership: MembershipChange;
}

/** A call that changed the group: a repeat of it, also after a restart, is answered alike and not done again. */
export interface GroupCall {
  readonly by: string;
  /** SHA-256 of the call's id, hex: the id itself opens what is sealed. */
  readonly id: string;
  /** Those that it changed something for. */
  readonly users: readonly string[];
  /** What it invited with. */
  readonly invitation?: CallInvitation;
}

/** An invitation as the call that made it was answered, whatever has become of it since. */
export interface CallInvitation {
  /** Of the `InvitationRecord`. */
  readonly id: string;
  /** Unix milliseconds. */
  readonly madeAtMs: number;
  readonly expiresAtMs: number;
  /** 0 = as many as there are. */
  readonly uses: number;
  /** The token's secret, hex: who has the call's id can open it, and nobody else. */
  readonly sealed: string;
  /** Those who are told of it in their feeds. */
  readonly asked: readonly string[];
}

/** A group as it is after its change number `revision`. */
export interface GroupRecord {
  readonly group: string;
  readonly revision: number;
  readonly name: string;
  readonly description: string;
  readonly picture: string;
  readonly maySend: GroupPermission;
  readonly mayEdit: GroupPermission;
  readonly mayAdd: GroupPermission;
  readonly createdAtMs: number;
  /** In the order of their joining; empty: it has ended, and its id is not given again. */
  readonly members: ReadonlyMap<string, GroupMemberRecord>;
  readonly invitations: readonly InvitationRecord[];
  readonly intent: GroupIntent | undefined;
  /** The newest last. */
  readonly calls?: readonly GroupCall[];
}

/**
 * The groups' records: who may do what in them. Who is given which places, and who may write, stands with the log
 * (`ConversationLog.windowsOf`); a change is put here first, as an intent, and then appended there.
 */
export interface Groups {
  get(group: string): MaybePromise<GroupRecord | undefined>;
  /**
   * Puts a record in the place of the one with the revision before it (of revision 1: of none). Durable when it resolves.
   * False, and nothing has happened: the group has another revision.
   */
  put(record: GroupRecord): Promise<boolean>;
  /** The intent of this revision is carried out. Nothing happens where the group has another revision by now. */
  done(group: string, revision: number): Promise<void>;
  /** All groups after `after` in byte order, at most `limit`, the ended ones too. */
  all(after: string, limit: number): MaybePromise<readonly GroupRecord[]>;
  /** Groups of a user after `after` in byte order, at most `limit`. */
  ofUser(user: string, after: string, limit: number): MaybePromise<readonly string[]>;
  /** How many groups a user is in. */
  countOf(user: string): MaybePromise<number>;
  /** Groups whose intent may not be carried out. */
  unfinished(): MaybePromise<readonly string[]>;
}
