import type { Change, Store } from './store.js';

/**
 * Joins small writes: what comes while one is under way goes into the next, as one transaction. A burst of a thousand
 * sends then costs a handful of syncs.
 */
export class WriteQueue {
  #next: { changes: Change[]; written: Promise<void> } | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly store: Store) {}

  /** Resolves when the changes are durable; rejects when the transaction that they were part of failed. */
  write(changes: readonly Change[]): Promise<void> {
    if (this.#next) {
      this.#next.changes.push(...changes);
      return this.#next.written;
    }
    const group: Change[] = [...changes];
    const written = this.#last.then(() => {
      this.#next = undefined;
      return this.store.write(group);
    });
    this.#next = { changes: group, written };
    this.#last = written.catch(() => {});
    return written;
  }

  /** Resolves when everything handed over so far is written or has failed. */
  idle(): Promise<void> {
    return this.#last;
  }
}
