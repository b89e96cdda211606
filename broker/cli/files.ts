import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { CommandError } from './errors.js';

/** undefined: there is no such file. @throws CommandError */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new CommandError(`${path} cannot be read (${code}): be the user that runs the server, or name it by --url and --token`);
  }
}

/** Puts a file in the place of another in one step, for its owner only; durable but for its name in the folder. */
export function replaceFile(path: string, text: string): void {
  const draft = `${path}.new`;
  try {
    const file = openSync(draft, 'w', 0o600);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } finally {
    // There still if the disk was full.
    rmSync(draft, { force: true });
  }
}
