import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** Of a file system of the run's own. */
export const DISK_BYTES = 224 * 1024 * 1024;
/** GODWIT_MIN_FREE_BYTES on it, and what "disk low" leaves. */
export const FLOOR_BYTES = 48 * 1024 * 1024;
const LOW_BYTES = 24 * 1024 * 1024;

/** Set in the environment of a run that has a file system of its own: where it is mounted. */
export const DISK_VARIABLE = 'CHAOS_DISK';

/**
 * A command line that runs another one where `folder` is a small file system in memory, which nobody else sees and
 * which is gone with the process: a mount namespace (unshare(1)), within a user namespace where we are not root.
 * undefined: this machine does not let us.
 */
export function withOwnDisk(folder: string): string[] | undefined {
  mkdirSync(folder, { recursive: true });
  const unshare = ['unshare', process.getuid?.() === 0 ? '-m' : '-rm', 'sh', '-c'];
  const mount = `mount -t tmpfs -o size=${DISK_BYTES} tmpfs '${folder}'`;
  const tried = spawnSync(unshare[0], [...unshare.slice(1), mount], { stdio: 'ignore' });
  return tried.status === 0 ? [...unshare, `${mount} && exec "$@"`, 'sh'] : undefined;
}

/** Takes the room on a file system away, and gives it back. */
export class Filler {
  private readonly path: string;
  private busy: Promise<void> = Promise.resolve();

  constructor(folder: string) {
    this.path = join(folder, 'filler');
  }

  /** Fills it until so many bytes are free; 0: to the last one. */
  fill(leave: number): Promise<void> {
    return this.next(() => this.write(leave));
  }

  low(): Promise<void> {
    return this.fill(LOW_BYTES);
  }

  empty(): Promise<void> {
    return this.next(() => rm(this.path, { force: true }));
  }

  private next(work: () => Promise<void>): Promise<void> {
    return (this.busy = this.busy.then(work));
  }

  private async write(leave: number): Promise<void> {
    const file = await open(this.path, 'a');
    const chunk = Buffer.alloc(1024 * 1024);
    try {
      for (let size = chunk.length; size >= 1; ) {
        const { bavail, bsize } = await statfs(this.path);
        if (leave > 0 && bavail * bsize <= leave) return;
        const written = await file.write(chunk, 0, size).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOSPC') throw error;
          return { bytesWritten: 0 };
        });
        if (written.bytesWritten < size) size = Math.floor(size / 16);
      }
    } finally {
      await file.close();
    }
  }
}
