import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StorageOpenError, type Storage } from './ports/storage.js';

/** Says of a data folder that its users, groups and old messages are in MongoDB (with those that it had before, a group would go back), and by which name they know it. */
function path(data: string): string {
  return join(data, 'users-in-mongodb');
}

/**
 * Sees to it that a folder and the users and groups that belong to it stay together.
 * @returns the name by which MongoDB knows the folder; undefined: it is not in use
 * @throws StorageOpenError when they are not where they are looked for
 */
export async function settlePlace(data: string, mongoUrl: string | undefined, { directory }: Pick<Storage, 'directory'>): Promise<string | undefined> {
  const inMongo = isMoved(data);
  if (inMongo && mongoUrl === undefined) throw new StorageOpenError(`the users and groups of ${data} are in MongoDB: set GODWIT_MONGO_URL`);
  if (mongoUrl === undefined) return undefined;
  if (inMongo) return placeName(data);
  if ((await directory.users('', 1)).length > 0) throw new StorageOpenError(`the users and groups of ${data} are in the folder: \`godwit migrate\` moves them to GODWIT_MONGO_URL`);
  markMoved(data);
  return placeName(data);
}

export function isMoved(data: string): boolean {
  return existsSync(path(data));
}

export function markMoved(data: string): void {
  writeFileSync(path(data), randomBytes(8).toString('hex'));
}

/** The name by which MongoDB knows the folder; '' = it has none yet. */
export function readPlace(data: string): string {
  return isMoved(data) ? readFileSync(path(data), 'utf8') : '';
}

/** Folders that were marked before they had names get one now. */
function placeName(data: string): string {
  if (readPlace(data) === '') markMoved(data);
  return readPlace(data);
}

/** A backup, and what is restored from it, belongs to the same users and groups. */
export function copyPlace(from: string, to: string): void {
  if (isMoved(from)) copyFileSync(path(from), path(to));
}
