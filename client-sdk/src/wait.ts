/** A promise with its ends in hand. A rejection that nobody waits for is not an unhandled one. */
export class Deferred<T> {
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;
  readonly promise: Promise<T>;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => {});
  }
}

/** The promise, or a rejection with the signal's reason when that aborts first. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(reasonOf(signal));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Why a signal aborted. Not every platform says. */
function reasonOf(signal: AbortSignal): unknown {
  return signal.reason ?? new Error('aborted');
}

/** @throws the signal's reason when it has aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw reasonOf(signal);
}

/** Milliseconds on a clock that never jumps. */
export function monotonicMs(): number {
  return performance.now();
}

/** One timer that can be set again, for durations longer than the 24 days that a timer takes too. */
export class Timer {
  #handle: ReturnType<typeof setTimeout> | undefined;

  set(ms: number, run: () => void): void {
    this.clear();
    const most = 2 ** 31 - 1;
    const fire = (): void => {
      this.#handle = undefined;
      if (ms > most) this.set(ms - most, run);
      else run();
    };
    this.#handle = setTimeout(fire, Math.max(0, Math.min(ms, most)));
  }

  clear(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }

  get running(): boolean {
    return this.#handle !== undefined;
  }
}
