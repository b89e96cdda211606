import { existsSync } from 'node:fs';
import { databaseFolder } from '../../../plugins/store-embedded/format.js';
import type { Config } from '../../config.js';
import { isMoved, readPlace } from '../../place.js';
import { bad, good, type Finding } from './finding.js';

const TIMEOUT_MS = 5_000;

/** Where the users and groups are, if not in the data folder: whether it answers, and whether it can be used. */
export async function mongo({ data, mongoUrl }: Pick<Config, 'data' | 'mongoUrl'>): Promise<Finding[]> {
  if (mongoUrl === undefined) return isMoved(data) ? [bad(`MongoDB: the users and groups of ${data} are there`, 'set GODWIT_MONGO_URL')] : [];
  const findings = [await there(mongoUrl, readPlace(data))];
  // A first start that finds users in the folder is refused.
  if (!isMoved(data) && existsSync(databaseFolder(data))) findings.push(bad(`MongoDB: ${data} was used without it until now`, '`npx godwit migrate` moves its users and groups there'));
  return findings;
}

async function there(url: string, place: string): Promise<Finding> {
  // The driver takes its time to load.
  const { lookAtMongo, MongoLookError, shownAddress } = await import('../../../plugins/store-mongo/index.js');
  const where = `MongoDB: ${shownAddress(url)}`;
  try {
    const { isEmpty, missingIndexes, unfinishedMove, folder } = await lookAtMongo(url, TIMEOUT_MS);
    if (unfinishedMove !== undefined) return bad(`${where}: the move of ${unfinishedMove} into it has not come to its end`, 'run `npx godwit migrate` again');
    if (folder !== undefined && folder !== place) return bad(`${where} belongs to another data folder`, 'give that one with GODWIT_DATA, or name another database in GODWIT_MONGO_URL');
    if (isEmpty) return good(`${where} answers, and is empty; the first start fills it`);
    if (missingIndexes.length > 0) return bad(`${where} has no index ${missingIndexes.join(', ')}`, 'start the server again: it makes them, or says in its log why it cannot');
    return good(`${where} answers, its indexes are there`);
  } catch (error) {
    if (!(error instanceof MongoLookError)) throw error;
    if (error.isRefusal) return bad(`${where} does not let Godwit in (${error.message})`, 'look at the user and password in GODWIT_MONGO_URL, and at what that user may do');
    return bad(`${where} cannot be reached (${error.message})`, 'start it, or set GODWIT_MONGO_URL to where it is');
  }
}
