import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Code, GodwitError, type Store } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { CommandError } from '../errors.js';

/** Where the device of a user keeps what it has: one folder for each user and server. */
export function storeFolder(user: string, server: string, env: NodeJS.ProcessEnv): string {
  const home = env.XDG_DATA_HOME ? join(env.XDG_DATA_HOME, 'godwit') : join(homedir(), '.godwit');
  return join(home, `${user}@${server}`);
}

/**
 * Opens the store of a device; it belongs to this process until it is closed.
 * @throws CommandError when another process has it, or it cannot be opened
 */
export async function openStore(folder: string, user: string): Promise<Store> {
  try {
    mkdirSync(dirname(resolve(folder)), { recursive: true, mode: 0o700 });
    return await levelStore(folder);
  } catch (error) {
    if (error instanceof GodwitError && error.code === Code.CONFLICT) {
      throw new CommandError(`${user} is already open on this machine (${folder}): close that one, or be another device with --store <folder>`);
    }
    throw new CommandError(`the messages of ${user} cannot be opened: ${(error as Error).message}`);
  }
}
