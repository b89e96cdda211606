/**
 * Users, devices, groups and old messages in MongoDB, by the official driver: majority writes and reads, a change one atomic operation.
 * @module
 */
import type { Archive } from '../../broker/ports/archive.js';
import type { Availability } from '../../broker/ports/availability.js';
import type { Directory } from '../../broker/ports/directory.js';
import type { Groups } from '../../broker/ports/groups.js';
import { StorageOpenError } from '../../broker/ports/storage.js';
import { MongoDirectory } from './directory.js';
import { MongoArchive } from './archive.js';
import { makeIndexes } from './documents.js';
import { claim } from './folder.js';
import { MongoGroups } from './groups.js';
import { Link, type LinkOptions } from './link.js';
import { Migration, refuseUnfinished } from './migration.js';

export { lookAtMongo, MongoLookError, shownAddress, type MongoState } from './look.js';
export type { Counts, Migration } from './migration.js';

export type MongoOptions = Pick<LinkOptions, 'url' | 'log' | 'now'>;

export interface MongoStore {
  readonly directory: Directory;
  readonly groups: Groups;
  readonly archive: Archive;
  readonly availability: Availability;
  close(): Promise<void>;
}

/**
 * Resolves also while MongoDB is away: then calls are refused with UNAVAILABLE until it is there.
 * @param options.url mongodb:// or mongodb+srv://, with the database in its path
 * @param options.folder name of the data folder whose messages it has; a database that has another's counts as away
 * @throws StorageOpenError when the address cannot be read
 */
export async function openMongo(options: MongoOptions & { folder: string }): Promise<MongoStore> {
  const link = await open(options, async (db) => {
    await makeIndexes(db);
    await refuseUnfinished(db);
    await claim(db, options.folder);
  });
  return { directory: new MongoDirectory(link), groups: new MongoGroups(link), archive: new MongoArchive(link), availability: link, close: () => link.close() };
}

/** For `godwit migrate`. @throws StorageOpenError when it cannot be reached */
export async function openMigration(options: MongoOptions): Promise<{ migration: Migration; close(): Promise<void> }> {
  const link = await open(options, makeIndexes);
  const why = link.whyAway();
  if (why !== undefined) {
    await link.close();
    throw new StorageOpenError(why);
  }
  return { migration: new Migration(link), close: () => link.close() };
}

async function open(options: MongoOptions, prepare: LinkOptions['prepare']): Promise<Link> {
  try {
    return await Link.open({ ...options, prepare });
  } catch (error) {
    throw new StorageOpenError(`GODWIT_MONGO_URL: ${(error as Error).message}`, { cause: error });
  }
}
