import { setImmediate as otherWork } from 'node:timers/promises';

/** Milliseconds of a long piece of work before other work has its turn. */
const SLICE_MS = 2;

/** Cuts work by time and not by count: what one piece takes depends on what lies in memory. */
export class Slices {
  private until = performance.now() + SLICE_MS;

  /** A promise where the slice is over: to be awaited before going on. */
  pause(): Promise<void> | undefined {
    return performance.now() < this.until ? undefined : this.rest();
  }

  private async rest(): Promise<void> {
    await otherWork();
    this.until = performance.now() + SLICE_MS;
  }
}
