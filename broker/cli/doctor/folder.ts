import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FolderLock } from '../../../plugins/store-embedded/lock.js';
import { databaseFolder, journalFolder, readFormat } from '../../../plugins/store-embedded/format.js';
import { StorageOpenError } from '../../ports/storage.js';
import { bad, good, type Finding } from './finding.js';

export interface FolderState {
  readonly findings: Finding[];
  /** It can be written. */
  readonly usable: boolean;
  /** It, or the nearest folder above it that is there. */
  readonly existing: string;
  /** A living process holds it. */
  readonly held: boolean;
}

/** Looks at the data folder without opening it. */
export async function folder(data: string): Promise<FolderState> {
  const kind = await kindOf(data);
  if (kind === 'missing') return missing(data);
  const nothing = { usable: false, existing: dirname(data), held: false };
  if (kind !== 'folder') return { ...nothing, findings: [bad(`data folder: ${data} is no folder`, 'set GODWIT_DATA to another path')] };
  const denied = await whyDenied(data);
  if (denied) return { ...nothing, existing: data, findings: [bad(`data folder: ${data} cannot be used by this user (${denied})`, `run \`chown -R ${who()} ${data}\`, or be the user it belongs to`)] };
  const held = await FolderLock.isHeld(data);
  const findings = [...(await open(data)), await format(data)];
  return { findings, usable: true, existing: data, held };
}

async function missing(data: string): Promise<FolderState> {
  let above = dirname(data);
  while ((await kindOf(above)) === 'missing') above = dirname(above);
  const denied = (await kindOf(above)) === 'folder' ? await whyDenied(above) : 'not a folder';
  const finding = denied
    ? bad(`data folder: ${data} cannot be made, as ${above} cannot be written (${denied})`, 'make it, or set GODWIT_DATA to another path')
    : good(`data folder: ${data} is not there yet; the first start makes it`);
  return { findings: [finding], usable: false, existing: above, held: false };
}

/** What others on this machine could read. */
async function open(data: string): Promise<Finding[]> {
  if (process.platform === 'win32') return [];
  const findings: Finding[] = [];
  for (const part of [databaseFolder(data), journalFolder(data)]) {
    if ((await kindOf(part)) !== 'folder') continue;
    const mode = (await stat(part)).mode & 0o777;
    if ((mode & 0o077) !== 0) findings.push(bad(`data folder: others can read the messages in ${part} (mode ${mode.toString(8)})`, `run \`chmod 700 ${part}\``));
  }
  return findings;
}

async function format(data: string): Promise<Finding> {
  try {
    const found = await readFormat(data);
    if (found === undefined) return good(`data folder: ${data} is empty; the first start fills it`);
    return good(`data folder: ${data}, format ${found.format}${found.newTerm ? ', restored from a backup' : ''}`);
  } catch (error) {
    if (!(error instanceof StorageOpenError)) throw error;
    return bad(error.message, 'restore a backup into another folder (`godwit restore`), or use the version of Godwit that wrote it');
  }
}

async function kindOf(path: string): Promise<'missing' | 'folder' | 'else'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'else';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'missing';
    if (code === 'ENOTDIR' || code === 'EACCES') return 'else';
    throw error;
  }
}

async function whyDenied(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

function who(): string {
  return process.env.USER ?? String(process.getuid?.() ?? '');
}

/** Files whose time of writing says something of the clock. */
export function written(data: string): string[] {
  return [join(data, 'format.json'), join(databaseFolder(data), 'data.mdb')];
}
