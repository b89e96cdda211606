import { setImmediate } from 'node:timers/promises';
import { ArchivedLog, Mover } from '../../plugins/archive/index.js';
import type { ArchivableLog, Archive } from '../../broker/ports/archive.js';
import { isUnavailable } from '../../broker/ports/availability.js';

/** Everything may move, however new. */
const EVERYTHING = { sentBeforeMs: Number.MAX_SAFE_INTEGER, keep: 0, tail: 0 };

/** Moves again and again, until it is ended. */
export class Moving {
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
      try {
        await this.mover.move(EVERYTHING);
        await this.mover.check();
      } catch (error) {
        if (!isUnavailable(error)) throw error;
      }
      await setImmediate();
    }
  }
}
