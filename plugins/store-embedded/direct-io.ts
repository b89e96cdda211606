import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** What O_DIRECT asks of addresses, places and lengths; the journal's blocks are of this size. */
const ALIGNMENT = 4096;
const STAGE_BYTES = 1024 * 1024;
const WASM_PAGE = 65_536;

interface Memory {
  readonly buffer: ArrayBuffer;
}
declare const WebAssembly: { Memory: new (pages: { initial: number; maximum: number }) => Memory };

/**
 * Memory that begins at a page, as O_DIRECT wants it. Node has no way to ask for that; WebAssembly's memory always
 * does. Records are copied here to be written: one copy more, and the page cache is left out.
 */
export function alignedStage(): Buffer {
  return Buffer.from(new WebAssembly.Memory({ initial: STAGE_BYTES / WASM_PAGE, maximum: STAGE_BYTES / WASM_PAGE }).buffer);
}

const probe = alignedStage().subarray(0, ALIGNMENT);

/** A file that is written with O_DSYNC, and past the page cache where the file system can (tmpfs, for one, cannot). */
export async function openForSync(path: string): Promise<{ file: FileHandle; direct: boolean }> {
  const flags = constants.O_RDWR | constants.O_DSYNC;
  let file: FileHandle | undefined;
  if (constants.O_DIRECT !== undefined) {
    try {
      file = await open(path, flags | constants.O_DIRECT);
      await file.read(probe, 0, ALIGNMENT, 0);
      return { file, direct: true };
    } catch (error) {
      await file?.close();
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    }
  }
  return { file: await open(path, flags), direct: false };
}
