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
 * @throws RangeError where the process may not reserve the addresses (V8 takes some 10 GB of them, not of memory).
 */
export function alignedStage(): Buffer {
  return Buffer.from(new WebAssembly.Memory({ initial: STAGE_BYTES / WASM_PAGE, maximum: STAGE_BYTES / WASM_PAGE }).buffer);
}

/** What one process needs to find out whether a file can be written directly; undefined: it has no such memory. */
const probe = makeProbe();

function makeProbe(): Buffer | undefined {
  try {
    return alignedStage().subarray(0, ALIGNMENT);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A file that is written with O_DSYNC, and past the page cache where the file system can (tmpfs, for one, cannot). */
export async function openForSync(path: string): Promise<{ file: FileHandle; direct: boolean }> {
  const sync = constants.O_DSYNC ?? constants.O_SYNC;
  if (sync === undefined) throw new Error('this system has no writes that wait for the disk (O_DSYNC)');
  const flags = constants.O_RDWR | sync;
  if (probe && constants.O_DIRECT !== undefined) {
    const file = await openDirect(path, flags | constants.O_DIRECT, probe);
    if (file) return { file, direct: true };
  }
  return { file: await open(path, flags), direct: false };
}

/** undefined: not on this file system. */
async function openDirect(path: string, flags: number, into: Buffer): Promise<FileHandle | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, flags);
    await file.read(into, 0, ALIGNMENT, 0);
    return file;
  } catch (error) {
    await file?.close();
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw error;
  }
}
