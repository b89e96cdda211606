import { randomBytes } from 'node:crypto';
import { statfs, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bad, good, type Finding } from './finding.js';

/** As in package.json's `engines`. */
const OLDEST_NODE = [20, 15];

export function node(version: string): Finding {
  const [major, minor] = version.split('.').map(Number);
  const [oldMajor, oldMinor] = OLDEST_NODE;
  if (major > oldMajor || (major === oldMajor && minor >= oldMinor)) return good(`Node ${version}`);
  return bad(`Node ${version} is too old`, `install Node ${OLDEST_NODE.join('.')} or later`);
}

/** @param folder one that exists, on the disk in question */
export async function disk(folder: string, minFreeBytes: number): Promise<Finding[]> {
  const { bavail, bsize, files, ffree } = await statfs(folder);
  const free = bavail * bsize;
  const findings = [
    free >= minFreeBytes
      ? good(`disk: ${mebibytes(free)} free; below ${mebibytes(minFreeBytes)} (GODWIT_MIN_FREE_BYTES) messages are refused`)
      : bad(`disk: ${mebibytes(free)} free, and below ${mebibytes(minFreeBytes)} messages are refused`, 'make room, or lower GODWIT_MIN_FREE_BYTES'),
  ];
  // Some file systems count no files.
  if (files > 0 && ffree === 0) findings.push(bad('disk: no further file can be made on it (no inodes)', 'remove files'));
  return findings;
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20).toLocaleString('en')} MiB`;
}

const FIRST_YEAR = 2026;
const LAST_YEAR = 2100;
/** A file system may keep whole or even seconds. */
const FILE_TIME_MS = 5_000;

/**
 * Tokens are valid for a time, and messages are stamped with it: a clock that is wrong refuses everyone.
 * @param folder where a file can be made; undefined: in the temporary folder
 * @param written files of the server: none was written later than now
 */
export async function clock(nowMs: number, folder: string | undefined, written: readonly string[]): Promise<Finding> {
  const mend = 'set the time (`timedatectl set-ntp true` keeps it)';
  const year = new Date(nowMs).getUTCFullYear();
  if (year < FIRST_YEAR || year > LAST_YEAR) return bad(`clock: it says the year ${year}`, mend);
  const apart = (await fileTime(folder ?? tmpdir())) - Date.now();
  if (Math.abs(apart) > FILE_TIME_MS) return bad(`clock: that of the file system is ${seconds(apart)}`, 'set the time of this machine, or of the one that serves its files');
  for (const file of written) {
    const ahead = (await modified(file)) - nowMs;
    if (ahead > FILE_TIME_MS) return bad(`clock: ${file} was written in the future (${seconds(ahead)}): the clock went back`, mend);
  }
  return good(`clock: ${new Date(nowMs).toISOString()}`);
}

export function seconds(ms: number): string {
  return `${Math.abs(Math.round(ms / 1_000)).toLocaleString('en')} s ${ms > 0 ? 'ahead' : 'behind'}`;
}

async function fileTime(folder: string): Promise<number> {
  const file = join(folder, `.godwit-doctor-${randomBytes(6).toString('hex')}`);
  await writeFile(file, '', { flag: 'wx', mode: 0o600 });
  try {
    return (await stat(file)).mtimeMs;
  } finally {
    await unlink(file);
  }
}

/** 0 = there is no such file. */
async function modified(file: string): Promise<number> {
  try {
    return (await stat(file)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
