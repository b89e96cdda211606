import { mkdtemp, rename, rm, symlink, unlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageOpenError } from '../../broker/ports/storage.js';

const NAME = 'lock.sock';
/** The longest path that fits a socket's address (sun_path is 108 bytes, with its zero; 104 on some systems). */
const LONGEST_PATH = 103;
const ATTEMPTS = 5;

/**
 * A data folder belongs to one process: it listens on a Unix socket there. The kernel closes the socket with the
 * process, however that ends; a pid file would stay behind.
 */
export class FolderLock {
  private constructor(
    private readonly folder: string,
    private readonly server: Server,
  ) {}

  /** @throws StorageOpenError when a living process holds the folder. */
  static async take(folder: string): Promise<FolderLock> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const server = await shortly(folder, listen);
      if (server) return new FolderLock(folder, server);
      if (await shortly(folder, isAlive)) throw inUse(folder);
      await removeDead(folder);
    }
    throw inUse(folder);
  }

  /** Whether a living process holds the folder. */
  static isHeld(folder: string): Promise<boolean> {
    return shortly(folder, isAlive);
  }

  async release(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    // Node removes a socket it listened on, but by the name it was given, which may have been a short one.
    await rm(join(this.folder, NAME), { force: true });
  }
}

function inUse(folder: string): StorageOpenError {
  return new StorageOpenError(`the data folder ${folder} is in use by another process`);
}

/** Calls with a path of the socket that fits its address, by way of a link where the folder's own is too long. */
async function shortly<T>(folder: string, call: (path: string) => Promise<T>): Promise<T> {
  const path = join(folder, NAME);
  if (Buffer.byteLength(path) <= LONGEST_PATH) return call(path);
  const links = await mkdtemp(join(tmpdir(), 'godwit-'));
  try {
    await symlink(folder, join(links, 'd'));
    return await call(join(links, 'd', NAME));
  } finally {
    await rm(links, { recursive: true });
  }
}

/** undefined: something has that name already. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      // A full backlog belongs to a process that lives, and does not answer.
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}

/**
 * Two processes may find the same dead socket at once. So it is first moved away, then looked at again: if it is the
 * new one of the other, it is moved back.
 */
async function removeDead(folder: string): Promise<void> {
  const path = join(folder, NAME);
  const aside = join(folder, `lock.${process.pid}`);
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (await shortly(folder, (short) => isAlive(short.slice(0, -NAME.length) + `lock.${process.pid}`))) {
    await rename(aside, path);
    throw inUse(folder);
  }
  await unlink(aside);
}
