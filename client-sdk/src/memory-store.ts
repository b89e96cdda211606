import type { Change, KeyRange, Store } from './store.js';

/** A store in memory: for tests, and for clients that may forget (each start is then a new device). */
export function memoryStore(): Store {
  return new MemoryStore();
}

class MemoryStore implements Store {
  #values = new Map<string, Uint8Array>();
  /** The keys in order; undefined after a change, until the next range. */
  #sorted: string[] | undefined;
  #closed = false;

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#open();
    return this.#values.get(key);
  }

  async range({ from, before, limit = Infinity, reverse = false }: KeyRange): Promise<[string, Uint8Array][]> {
    this.#open();
    const keys = (this.#sorted ??= [...this.#values.keys()].sort());
    const first = lowerBound(keys, from);
    const end = lowerBound(keys, before);
    const found: [string, Uint8Array][] = [];
    for (let n = 0; n < Math.min(limit, end - first); n++) {
      const key = keys[reverse ? end - 1 - n : first + n];
      found.push([key, this.#values.get(key)!]);
    }
    return found;
  }

  async write(changes: readonly Change[]): Promise<void> {
    this.#open();
    for (const { key, value } of changes) {
      if (value === undefined) {
        if (this.#values.delete(key)) this.#sorted = undefined;
      } else {
        if (!this.#values.has(key)) this.#sorted = undefined;
        this.#values.set(key, value.slice());
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #open(): void {
    if (this.#closed) throw new Error('the store is closed');
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
