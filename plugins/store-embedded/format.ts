import { randomInt } from 'node:crypto';
import { access, mkdir, open, readFile, readdir, rename } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { StorageOpenError } from '../../broker/ports/storage.js';

const FORMAT = 1;
const FILE = 'format.json';
const LMDB_MAGIC = 0xbeefc0de;
/** Bytes of a page's header in LMDB's data format 2; its meta record is behind it. */
const PAGE_HEADER = 24;

/** What the folder says of itself. */
export interface Format {
  format: number;
  /** Begins the journal's checksums. */
  salt: number;
  /** A backup was put here: the log may have gone back, so a new term begins with the next start. */
  newTerm?: boolean;
}

export const databaseFolder = (folder: string): string => join(folder, 'db');
export const journalFolder = (folder: string): string => join(folder, 'journal');

/**
 * Reads what the folder says of itself, and looks whether what it names can be opened; makes both in an empty folder.
 * @throws StorageOpenError before anything is changed.
 */
export async function openFormat(folder: string): Promise<Format> {
  const format = (await readFormat(folder)) ?? (await create(folder));
  await checkParts(folder);
  await checkDatabase(folder);
  for (const part of [journalFolder(folder), databaseFolder(folder)]) await mkdir(part, { recursive: true, mode: 0o700 });
  for (const part of [folder, databaseFolder(folder), journalFolder(folder)]) await access(part, constants.R_OK | constants.W_OK | constants.X_OK);
  return format;
}

/** undefined: nothing was ever stored here. */
export async function readFormat(folder: string): Promise<Format | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const names = await readdir(folder);
    if (names.includes('db') || names.includes('journal')) throw new StorageOpenError(`the data folder ${folder} is corrupt: ${FILE} is missing`);
    return undefined;
  }
  const format = parse(text);
  if (!format) throw new StorageOpenError(`the data folder ${folder} is corrupt: ${FILE} cannot be read`);
  if (format.format !== FORMAT) throw new StorageOpenError(`the data folder ${folder} has format ${format.format}, this version reads format ${FORMAT}`);
  return format;
}

/** Replaces the file in one step; durable when resolved. */
export async function writeFormat(folder: string, format: Format): Promise<void> {
  const path = join(folder, FILE);
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(format)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncFolder(folder);
}

export async function syncFolder(folder: string): Promise<void> {
  const directory = await open(folder, 'r');
  await directory.sync().finally(() => directory.close());
}

export function newFormat(): Format {
  return { format: FORMAT, salt: randomInt(2 ** 32) };
}

async function create(folder: string): Promise<Format> {
  const format = newFormat();
  await writeFormat(folder, format);
  return format;
}

/** The folder of the journal is made first, then the database, then the first segment: one without those before it was lost. */
async function checkParts(folder: string): Promise<void> {
  const database = (await namesIn(databaseFolder(folder)))?.includes('data.mdb') ?? false;
  const segments = await namesIn(journalFolder(folder));
  const missing = database && !segments ? 'journal' : !database && segments && segments.length > 0 ? 'db/data.mdb' : undefined;
  if (missing) throw new StorageOpenError(`the data folder ${folder} is corrupt: ${missing} is missing`);
}

/** undefined: no such folder. */
async function namesIn(folder: string): Promise<string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(text: string): Format | undefined {
  try {
    const value = JSON.parse(text);
    return Number.isInteger(value?.format) && Number.isInteger(value?.salt) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * LMDB maps its file: what is not one, or ends before the roots of its trees, would end the process instead of an
 * open call.
 */
async function checkDatabase(folder: string): Promise<void> {
  const path = join(databaseFolder(folder), 'data.mdb');
  let file;
  try {
    file = await open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const { size } = await file.stat();
    const pageSize = size === 0 ? 0 : await readMeta(file, 0, size);
    if (size > 0 && (pageSize === undefined || (await readMeta(file, pageSize, size)) === undefined)) {
      throw new StorageOpenError(`the data folder ${folder} is corrupt: ${path} is not a whole LMDB file`);
    }
  } finally {
    await file.close();
  }
}

/** The page size that the meta page at `at` names; undefined when it is none, or its trees lie beyond the file. */
async function readMeta(file: FileHandle, at: number, size: number): Promise<number | undefined> {
  const page = Buffer.alloc(256);
  const { bytesRead } = await file.read(page, 0, page.length, at);
  if (bytesRead < page.length || page.readUInt32LE(PAGE_HEADER) !== LMDB_MAGIC) return undefined;
  // magic, version, address, map size; then two trees of 48 bytes: pad (page size of the first), ..., root at the end.
  const trees = PAGE_HEADER + 24;
  const pageSize = page.readUInt32LE(trees);
  for (const tree of [0, 1]) {
    const root = page.readBigUInt64LE(trees + tree * 48 + 40);
    if (root !== 0xffffffffffffffffn && (root + 1n) * BigInt(pageSize) > BigInt(size)) return undefined;
  }
  return pageSize;
}
