import { setImmediate } from 'node:timers/promises';
import { ArchivedLog, Mover } from '../../plugins/archive/index.js';
import type { ArchivableLog, Archive } from '../../broker/ports/archive.js';
import { MemoryArchive } from '../support/memory-archive.js';
import { embedded, type Backend, type Make } from './backend.js';

/** Everything may move, however new. */
const EVERYTHING = { sentBeforeMs: Number.MAX_SAFE_INTEGER, keep: 0, tail: 0 };

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

/** Moves again and again, until it is ended. */
class Moving {
  readonly log: ArchivedLog;
  private readonly mover: Mover;
  private ended = false;
  private readonly running: Promise<void>;

  constructor(log: ArchivableLog, archive: Archive) {
    this.log = new ArchivedLog(log, archive);
    this.mover = new Mover(log, archive, this.log);
    this.running = this.run();
  }

  async all(): Promise<void> {
    await this.mover.move(EVERYTHING);
  }

  async end(): Promise<void> {
    this.ended = true;
    this.mover.stop();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.ended) {
      await this.mover.move(EVERYTHING);
      await this.mover.check();
      await setImmediate();
    }
  }
}
