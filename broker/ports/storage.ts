import type { Availability } from './availability.js';
import type { ConversationLog } from './conversation-log.js';
import type { ConversationSettings } from './conversation-settings.js';
import type { Cursors } from './cursors.js';
import type { Directory } from './directory.js';
import type { Groups } from './groups.js';
import type { PresenceLeases } from './presence.js';
import type { Profiles } from './profiles.js';
import type { Relations } from './relations.js';
import type { Reports } from './reports.js';

/** What a backend fills. The embedded one fills all of it from one folder; scaled out, each port may have its own. */
export interface Storage {
  readonly log: ConversationLog;
  readonly cursors: Cursors;
  readonly directory: Directory;
  readonly groups: Groups;
  readonly conversationSettings: ConversationSettings;
  readonly presence: PresenceLeases;
  readonly profiles: Profiles;
  readonly relations: Relations;
  readonly reports: Reports;
  /** Of the ports that another server fills; undefined: there are none. */
  readonly remote?: Availability;
  /** Bytes that can still be written before the disk is full, the store's own freed pages counted in. */
  freeBytes(): MaybeBytes;
  /** Copies a consistent state into an empty or new folder while everything runs. */
  backup(folder: string): Promise<{ bytes: number; entries: number }>;
  /** Everything accepted is durable when it resolves; nothing may be called afterwards. */
  close(): Promise<void>;
}

export type MaybeBytes = number | Promise<number>;

/** A data folder that cannot be opened: in use, corrupt, of another format, not writable. The message is one line for people; nothing was changed. */
export class StorageOpenError extends Error {
  override readonly name = 'StorageOpenError';
}
