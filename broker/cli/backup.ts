import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';
import { copyPlace } from '../place.js';
import { call } from './control.js';
import { CommandError, NotRunningError } from './errors.js';
import { copyLineage } from './lineage.js';
import { findServer, localConfig, type ServerOptions } from './server.js';

/**
 * Copies the data of a server: by asking it while it runs, and from its folder otherwise.
 * @throws CommandError, GodwitError, StorageOpenError
 */
export async function backup(folder: string, options: ServerOptions): Promise<void> {
  const target = resolve(folder);
  const { bytes, entries } = await copy(target, options);
  process.stdout.write(`${target}: ${count(entries, 'entry', 'entries')}, ${count(bytes, 'byte', 'bytes')}\n`);
  process.stdout.write('The secret that tokens are signed with is not in it: keep it elsewhere.\n');
}

async function copy(target: string, options: ServerOptions): Promise<{ bytes: number; entries: number }> {
  try {
    const server = findServer(options);
    const token = server.token({ user: 'admin', admin: true });
    const { bytes, entries } = await call(server, token, 'admin.backup', { folder: target }, 0);
    if (server.local) nameCopy(localConfig(options).data, target);
    return { bytes: Number(bytes), entries: Number(entries) };
  } catch (error) {
    if (!(error instanceof NotRunningError) || options.url !== undefined) throw error;
    return copyFolder(localConfig(options).data, target);
  }
}

async function copyFolder(data: string, target: string): Promise<{ bytes: number; entries: number }> {
  if (!existsSync(data)) throw new CommandError(`there is no data folder ${data}`);
  const storage = await openEmbeddedStorage({ folder: data, now: Date.now });
  try {
    const copied = await storage.backup(target);
    nameCopy(data, target);
    copyPlace(data, target);
    return copied;
  } finally {
    await storage.close();
  }
}

/** The server may see other folders than we do (a container): then the copy has no name, and devices begin anew with it. */
function nameCopy(data: string, target: string): void {
  if (existsSync(join(target, 'format.json'))) copyLineage(data, target);
}

function count(n: number, one: string, many: string): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}
