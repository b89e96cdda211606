import { copyFile, mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageOpenError } from '../../broker/ports/storage.js';
import { openDatabase } from './database.js';
import { META_KEY, decodeState } from './fill.js';
import { databaseFolder, journalFolder, newFormat, readFormat, syncFolder, writeFormat } from './format.js';
import type { Store } from './store.js';

/**
 * A backup is a data folder with an empty journal: everything that was durable is filled into LMDB, and LMDB copies a
 * snapshot of itself while others write on. `format.json` is written last: without it nothing opens the folder.
 */
export async function backup(store: Store, folder: string): Promise<{ bytes: number; entries: number }> {
  await mustBeEmpty(folder);
  await store.commit();
  await store.fill.now();
  await mkdir(databaseFolder(folder), { recursive: true, mode: 0o700 });
  await mkdir(journalFolder(folder), { mode: 0o700 });
  await store.db.root.backup(databaseFolder(folder), false);
  await syncCopy(folder);
  await writeFormat(folder, newFormat());

  const copy = openDatabase(databaseFolder(folder));
  const { entries } = decodeState(copy.meta.getBinary(META_KEY));
  await copy.root.close();
  return { bytes: (await stat(dataFile(folder))).size, entries };
}

/**
 * Copies a backup into an empty or new data folder. The first start there begins a new term before anything else: the
 * log may have gone back behind what devices have seen.
 * @throws StorageOpenError when `from` is no backup or `to` is not empty.
 */
export async function restoreBackup(from: string, to: string): Promise<void> {
  const format = await readFormat(from).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!format) throw new StorageOpenError(`${from} is not a backup`);
  await mustBeEmpty(to);
  await mkdir(databaseFolder(to), { recursive: true, mode: 0o700 });
  await mkdir(journalFolder(to), { mode: 0o700 });
  await copyFile(dataFile(from), dataFile(to));
  for (const name of await readdir(journalFolder(from))) await copyFile(join(journalFolder(from), name), join(journalFolder(to), name));
  await syncCopy(to);
  await writeFormat(to, { ...format, newTerm: true });
}

function dataFile(folder: string): string {
  return join(databaseFolder(folder), 'data.mdb');
}

async function mustBeEmpty(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await readdir(folder)).length > 0) throw new StorageOpenError(`${folder} is not empty`);
}

async function syncCopy(folder: string): Promise<void> {
  const file = await open(dataFile(folder), 'r+');
  await file.sync().finally(() => file.close());
  await syncFolder(databaseFolder(folder));
  await syncFolder(folder);
}
