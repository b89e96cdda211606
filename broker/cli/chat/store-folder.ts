import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { Code, GodwitError, type Store } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { CommandError } from '../errors.js';
import { readIfThere, replaceFile } from '../files.js';
import { formatLineage, goesOn, parseLineage, type Lineage } from '../lineage.js';

/** Where the device of a user keeps what it has: one folder for each user and server. */
export function storeFolder(user: string, [server]: Lineage, env: NodeJS.ProcessEnv): string {
  const home = env.XDG_DATA_HOME ? join(env.XDG_DATA_HOME, 'godwit') : join(homedir(), '.godwit');
  return join(home, `${user}@${server}`);
}

/**
 * Opens the store of a device; it belongs to this process until it is closed.
 * @throws CommandError when another process has it, it is of another server, or it cannot be opened
 */
export async function openStore(folder: string, user: string, server: Lineage): Promise<Store> {
  const store = await open(join(folder, 'messages'), user, folder);
  const path = join(folder, 'server');
  const known = parseLineage(readIfThere(path) ?? '');
  if (known && !goesOn(known, server)) {
    await store.close();
    throw new CommandError(`${folder} holds what ${user} has from another server, or from one that was restored since: be another device here with --store <folder>`);
  }
  if (known?.length !== server.length) replaceFile(path, formatLineage(server));
  return store;
}

async function open(messages: string, user: string, folder: string): Promise<Store> {
  try {
    mkdirSync(resolve(folder), { recursive: true, mode: 0o700 });
    return await levelStore(messages);
  } catch (error) {
    if (error instanceof GodwitError && error.code === Code.CONFLICT) {
      throw new CommandError(`${user} is already open on this machine (${folder}): close that one, or be another device with --store <folder>`);
    }
    throw new CommandError(`the messages of ${user} cannot be opened: ${(error as Error).message}`);
  }
}
