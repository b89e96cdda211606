import { readdir } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { Code, type AdminBackupResponseSchema, type MessageInitShape, type RequestOf } from 'godwit-schemas';
import { RefusedError, type PluginContext } from '../../broker/ports/plugin.js';

/** Copies a consistent state of the data folder into a new or empty folder on this machine. */
export async function backup({ storage }: PluginContext, { folder }: RequestOf<'admin.backup'>): Promise<MessageInitShape<typeof AdminBackupResponseSchema>> {
  if (!isAbsolute(folder)) throw new RefusedError({ code: Code.MALFORMED, text: 'folder must be an absolute path' });
  const problem = await whyNotInto(folder);
  if (problem) throw new RefusedError({ code: Code.CONFLICT, text: problem });
  const { bytes, entries } = await storage.backup(folder);
  return { bytes: BigInt(bytes), entries: BigInt(entries) };
}

async function whyNotInto(folder: string): Promise<string | undefined> {
  try {
    return (await readdir(folder)).length > 0 ? 'the folder is not empty' : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? undefined : `the folder cannot be used (${code})`;
  }
}
