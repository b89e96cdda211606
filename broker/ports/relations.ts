import { Audience } from 'godwit-schemas';
import type { MaybePromise } from './conversation-log.js';

/** What a user has made another one of theirs. */
export type Relation = 'contact' | 'block';

/** What users let others do and see. */
export interface PrivacyRecord {
  /** Who sees their presence. */
  readonly presence: Audience;
  /** Who adds them to groups without asking. */
  readonly groups: Audience;
  /** In one-to-one conversations. */
  readonly readReceipts: boolean;
}

/** Of who has set nothing. */
export const OPEN: PrivacyRecord = { presence: Audience.EVERYONE, groups: Audience.EVERYONE, readReceipts: true };

/** Contacts, blocks and privacy. Everything is durable when its promise resolves. */
export interface Relations {
  /** Those of `others` of whom it was not so before. undefined: they would be more than `most`, and nothing has happened. */
  add(user: string, relation: Relation, others: readonly string[], most: number): Promise<readonly string[] | undefined>;
  /** Those of `others` of whom it was so before. */
  remove(user: string, relation: Relation, others: readonly string[]): Promise<readonly string[]>;
  has(user: string, relation: Relation, other: string): MaybePromise<boolean>;
  /** After `after` in byte order, at most `limit`. */
  list(user: string, relation: Relation, after: string, limit: number): MaybePromise<readonly string[]>;
  /** `OPEN` of who has set nothing. Asked for with every receipt. */
  privacy(user: string): MaybePromise<PrivacyRecord>;
  /** Changes what is given. Returns it as it is then. */
  setPrivacy(user: string, changes: Partial<PrivacyRecord>): Promise<PrivacyRecord>;
  /** Everything of theirs, and what others have made of them. */
  removeUser(user: string): Promise<void>;
}
