/**
 * Users, devices and groups in MongoDB, by the official driver: majority writes and reads, a change one atomic operation.
 * @module
 */
import type { Availability } from '../../broker/ports/availability.js';
import type { Directory } from '../../broker/ports/directory.js';
import type { Groups } from '../../broker/ports/groups.js';
import { StorageOpenError } from '../../broker/ports/storage.js';
import { MongoDirectory } from './directory.js';
import { makeIndexes } from './documents.js';
import { MongoGroups } from './groups.js';
import { Link, type LinkOptions } from './link.js';
import { Migration, refuseUnfinished } from './migration.js';

export { lookAtMongo, MongoLookError, shownAddress, type MongoState } from './look.js';
export type { Counts, Migration } from './migration.js';

export type MongoOptions = Pick<LinkOptions, 'url' | 'log' | 'now'>;

export interface MongoStore {
  readonly directory: Directory;
  readonly groups: Groups;
  readonly availability: Availability;
  close(): Promise<void>;
}

/**
 * Resolves also while MongoDB is away: then calls are refused with UNAVAILABLE until it is there.
 * @param options.url mongodb:// or mongodb+srv://, with the database in its path
 * @throws StorageOpenError when the address cannot be read
 */
export async function openMongo(options: MongoOptions): Promise<MongoStore> {
  const link = await open(options, async (db) => {
    await makeIndexes(db);
    await refuseUnfinished(db);
  });
  return { directory: new MongoDirectory(link), groups: new MongoGroups(link), availability: link, close: () => link.close() };
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
