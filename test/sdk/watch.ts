import type { Live, Shown } from 'godwit-client';
import { described } from './recorder.js';

/** Far beyond what anything takes: nothing is timed by it. */
const deadlineMs = 15_000;

/** A subscriber of something live. */
export class Watch<T> {
  calls = 0;
  readonly stop: () => void;
  #woken: (() => void)[] = [];

  constructor(readonly live: Live<T>) {
    this.stop = live.subscribe(() => {
      this.calls++;
      for (const wake of this.#woken.splice(0)) wake();
    });
  }

  get now(): T {
    return this.live.getSnapshot();
  }

  /** Resolves with the snapshot when it is so. */
  async until(condition: (now: T) => boolean): Promise<T> {
    const late = AbortSignal.timeout(deadlineMs);
    while (!condition(this.now)) {
      await new Promise<void>((resolve, reject) => {
        this.#woken.push(resolve);
        late.onabort = () => reject(new Error(`not in time; it is ${described(this.now)}`));
      });
    }
    return this.now;
  }
}

/** Texts with their ticks, for messages; what else it is. */
export const lines = (shown: readonly Shown[]): string[] => shown.map((one) => (one.type === 'message' ? `${one.text ?? one.content.kind}${one.tick ? ` (${one.tick})` : ''}` : one.type));
