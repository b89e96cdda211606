import type { Storage } from '../../broker/ports/storage.js';
import { MemoryConversationSettings } from './conversation-settings.js';
import { MemoryCursors } from './cursors.js';
import { MemoryDirectory } from './directory.js';
import { MemoryGroups } from './groups.js';
import { MemoryLog } from './log.js';
import { MemoryPresence } from './presence.js';
import { MemoryProfiles } from './profiles.js';
import { MemoryRelations } from './relations.js';
import { MemoryReports } from './reports.js';

export interface MemoryStorageOptions {
  /** Unix milliseconds: what entries are stamped with. */
  now: () => number;
}

/** All ports in plain Maps: for unit tests, and the plainest statement of what a backend does. Nothing outlives the process. */
export function openMemoryStorage({ now }: MemoryStorageOptions): Storage {
  return {
    log: new MemoryLog(now),
    cursors: new MemoryCursors(),
    directory: new MemoryDirectory(),
    groups: new MemoryGroups(),
    conversationSettings: new MemoryConversationSettings(),
    presence: new MemoryPresence(),
    profiles: new MemoryProfiles(),
    relations: new MemoryRelations(),
    reports: new MemoryReports(),
    freeBytes: () => Number.MAX_SAFE_INTEGER,
    backup: () => Promise.reject(new Error('the memory store has nothing on disk to back up')),
    close: () => Promise.resolve(),
  };
}
