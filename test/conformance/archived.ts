import type { ArchivableLog, Archive } from '../../broker/ports/archive.js';
import { MemoryArchive } from '../support/memory-archive.js';
import { Moving } from '../support/moving.js';
import { embedded, type Backend, type Make } from './backend.js';

/** The embedded log with an archive that all messages move to at once, while whatever is tested goes on. */
export function archived(open: () => Promise<{ archive: Archive; close(): Promise<void> }> = inMemory): Make {
  return async () => {
    const { archive, close } = await open();
    const under = await embedded()();
    let moving: Moving;
    const begin = (): void => {
      moving = new Moving(under.storage.log as ArchivableLog, archive);
      backend.storage = { ...under.storage, log: moving.log };
    };
    const backend: Backend = {
      storage: under.storage,
      clock: under.clock,
      async reopen() {
        await moving.end();
        await under.reopen!();
        begin();
      },
      async settle() {
        await moving.all();
        await under.settle();
      },
      async remove() {
        await moving.end();
        await under.remove();
        await close();
      },
    };
    begin();
    return backend;
  };
}

async function inMemory(): Promise<{ archive: Archive; close(): Promise<void> }> {
  return { archive: new MemoryArchive(), close: async () => undefined };
}
