import type { MaybePromise } from './conversation-log.js';

/** What a user has set of a conversation, for themselves. */
export interface ConversationSetting {
  /** Unix milliseconds; 0 = not muted. */
  readonly mutedUntilMs: number;
  readonly archived: boolean;
  readonly pinned: boolean;
  /** Places up to here are not shown to this user any more; it never moves back. */
  readonly clearedTo: number;
}

/** Of a conversation of which nothing was set. */
export const NOTHING_SET: ConversationSetting = { mutedUntilMs: 0, archived: false, pinned: false, clearedTo: 0 };

/** The setting with some of it changed. */
export function changedSetting(setting: ConversationSetting, change: Partial<ConversationSetting>): ConversationSetting {
  return { ...setting, ...change, clearedTo: Math.max(setting.clearedTo, change.clearedTo ?? 0) };
}

/** What users have set of their conversations, each for themselves and all their devices. */
export interface ConversationSettings {
  get(user: string, conversation: string): MaybePromise<ConversationSetting>;
  /** The conversations of which a user has set something. */
  ofUser(user: string): MaybePromise<ReadonlyMap<string, ConversationSetting>>;
  /** Changes what is named of it, in one step; the rest stays. Durable when it resolves, with what is set now. */
  set(user: string, conversation: string, change: Partial<ConversationSetting>): Promise<ConversationSetting>;
  /** Nothing is set by this user any more. Durable when it resolves. */
  forgetUser(user: string): Promise<void>;
}
