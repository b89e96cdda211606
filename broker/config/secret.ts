import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, fstatSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from './error.js';

/** Where a server without a secret of one's own keeps the one that it made. */
export function secretPath(dataFolder: string): string {
  return join(dataFolder, 'secret');
}

/**
 * The secret in the data folder: 43 characters (32 random bytes, base64url), whose UTF-8 bytes are the HS256 key.
 * undefined: none was made yet.
 * @throws ConfigError if others on this machine may read the file, or if it is not a secret.
 */
export function loadSecret(dataFolder: string): string | undefined {
  const path = secretPath(dataFolder);
  const file = opened(path);
  if (file === undefined) return undefined;
  try {
    const mode = fstatSync(file).mode & 0o777;
    // Windows has no such modes: what Node reports there says nothing.
    if ((mode & 0o077) !== 0 && process.platform !== 'win32') {
      throw new ConfigError(`${path} can be read by others (mode ${mode.toString(8)}): make a new secret by deleting it, or run: chmod 600 ${path}`);
    }
    const secret = readFileSync(file, 'utf8').trim();
    if (Buffer.byteLength(secret) < 32) throw new ConfigError(`${path} is not a secret of at least 32 bytes: delete it, and a new one is made`);
    return secret;
  } finally {
    closeSync(file);
  }
}

/**
 * The secret in the data folder, made if there is none. Of several processes that make one at once, all get the same.
 * @throws ConfigError as `loadSecret`, and if the folder cannot be written.
 */
export function loadOrCreateSecret(dataFolder: string): string {
  return loadSecret(dataFolder) ?? createSecret(dataFolder);
}

function createSecret(dataFolder: string): string {
  const path = secretPath(dataFolder);
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    writeDurably(draft, `${randomBytes(32).toString('base64url')}\n`);
    // A link appears whole or not at all, and never replaces the secret of a process that was faster.
    linkSync(draft, path);
    syncFolder(dataFolder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw new ConfigError(`${path} cannot be written: ${(error as Error).message}`);
  } finally {
    rmSync(draft, { force: true });
  }
  const secret = loadSecret(dataFolder);
  if (secret === undefined) throw new ConfigError(`${path} was made and is gone again`);
  return secret;
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ConfigError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    fchmodSync(file, 0o600); // whatever the umask says
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
