/**
 * What changes, as it is now. Its two functions are what React's `useSyncExternalStore` takes; elsewhere subscribe, and
 * take the snapshot when called.
 */
export interface Live<T> {
  /** How it is now: the same object until something changes. */
  readonly getSnapshot: () => T;
  /**
   * Calls the listener after each change; of many at once, once. While anyone subscribes, the client is listened to, and
   * from the first on what is there is read.
   * @returns ends that.
   */
  readonly subscribe: (listener: () => void) => () => void;
}

/** What is live while it has subscribers. */
export abstract class LiveSource<T> implements Live<T> {
  #listeners = new Set<() => void>();
  #stops: (() => void)[] = [];
  #snapshot: T | undefined;
  #telling = false;

  readonly getSnapshot = (): T => (this.#snapshot ??= this.made());

  readonly subscribe = (listener: () => void): (() => void) => {
    const own = (): void => listener();
    this.#listeners.add(own);
    if (this.#listeners.size === 1) this.#stops = this.started();
    return () => {
      if (!this.#listeners.delete(own) || this.#listeners.size > 0) return;
      for (const stop of this.#stops.splice(0)) stop();
    };
  };

  /** The snapshot, made anew. */
  protected abstract made(): T;
  /** Somebody subscribes. @returns what ends it when nobody does any more */
  protected abstract started(): (() => void)[];

  protected changed(): void {
    this.#snapshot = undefined;
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}

/** What was thrown, as an Error. */
export function errorOf(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
