import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ArchivableLog } from '../../broker/ports/archive.js';
import type { Storage } from '../../broker/ports/storage.js';
import { StorageOpenError } from '../../broker/ports/storage.js';
import { backup } from './backup.js';
import { EmbeddedConversationSettings } from './conversation-settings.js';
import { EmbeddedCursors } from './cursors.js';
import { openDatabase } from './database.js';
import type { Database } from './database.js';
import { EmbeddedDirectory } from './directory.js';
import { freeBytes } from './disk.js';
import { databaseFolder, journalFolder, openFormat, syncFolder, writeFormat } from './format.js';
import type { Format } from './format.js';
import { storeLimits } from './limits.js';
import type { StoreLimits } from './limits.js';
import { FolderLock } from './lock.js';
import { EmbeddedGroups } from './groups.js';
import { EmbeddedLog } from './log.js';
import { EmbeddedPresence } from './presence.js';
import { EmbeddedProfiles } from './profiles.js';
import { EmbeddedRelations } from './relations.js';
import { EmbeddedReports } from './reports.js';
import { replayJournal } from './replay.js';
import { Segments } from './segments.js';
import { Store } from './store.js';

export interface EmbeddedStorageOptions {
  /** Made if it is not there. */
  folder: string;
  /** Unix milliseconds: what entries are stamped with. */
  now: () => number;
  /** Bounds other than the usual ones. */
  limits?: Partial<StoreLimits>;
}

export interface EmbeddedStorage extends Storage {
  readonly log: ArchivableLog;
  /** Journal records that were not in LMDB at the start: after a clean end 0. */
  readonly replayed: number;
  /** Resolves when LMDB has everything that was durable at the call. It comes to that by itself, a little later. */
  fill(): Promise<void>;
}

/**
 * Opens the store in a folder, which then belongs to this process.
 * @throws StorageOpenError when the folder is in use, corrupt, of another format, or cannot be written; nothing was changed.
 */
export async function openEmbeddedStorage(options: EmbeddedStorageOptions): Promise<EmbeddedStorage> {
  const folder = resolve(options.folder);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const lock = await FolderLock.take(folder);
    try {
      return await openLocked(folder, lock, options);
    } catch (error) {
      await lock.release();
      throw error;
    }
  } catch (error) {
    throw error instanceof StorageOpenError ? error : new StorageOpenError(`cannot open the data folder ${folder}: ${(error as Error).message}`, { cause: error });
  }
}

async function openLocked(folder: string, lock: FolderLock, { now, limits: changes }: EmbeddedStorageOptions): Promise<EmbeddedStorage> {
  const limits = { ...storeLimits, ...changes };
  const format = await openFormat(folder);
  const db = openDatabase(databaseFolder(folder));
  try {
    return await openStore(folder, lock, format, db, limits, now);
  } catch (error) {
    await db.root.close();
    throw error;
  }
}

async function openStore(folder: string, lock: FolderLock, format: Format, db: Database, limits: StoreLimits, now: () => number): Promise<EmbeddedStorage> {
  const segments = new Segments(journalFolder(folder), limits.segmentBytes, limits.segments);
  const store = new Store({ db, segments, limits, salt: format.salt, now });
  const log = new EmbeddedLog(store);
  // Their tables are named in the journal by the order of these lines.
  const cursors = new EmbeddedCursors(store);
  const directory = new EmbeddedDirectory(store);
  const presence = new EmbeddedPresence(store);
  store.addWindows();
  const groups = new EmbeddedGroups(store);
  directory.addLaterTables();
  const profiles = new EmbeddedProfiles(store);
  const relations = new EmbeddedRelations(store);
  const reports = new EmbeddedReports(store);
  const conversationSettings = new EmbeddedConversationSettings(store);
  store.addOwn();

  const replayed = await replayJournal(store, journalFolder(folder), format.salt);
  // The names of LMDB's files and of the folders must be as durable as what they hold.
  for (const part of [databaseFolder(folder), folder]) await syncFolder(part);
  await segments.start();
  store.start();
  if (format.newTerm) {
    await log.beginTerm();
    await store.fill.now();
    await writeFormat(folder, { ...format, newTerm: undefined });
  }
  return {
    log,
    cursors,
    directory,
    groups,
    conversationSettings,
    presence,
    profiles,
    relations,
    reports,
    replayed,
    freeBytes: () => freeBytes(folder, db),
    backup: (to) => backup(store, resolve(to)),
    fill: () => store.fill.now(),
    async close() {
      cursors.stop();
      presence.write();
      await store.close();
      await lock.release();
    },
  };
}
