import type { KeyRange } from './store.js';

/** From this many on, new keys are sorted in rather than put at their places one by one. */
const many = 64;

/** A set of keys in order. */
export class SortedKeys {
  #keys: string[];

  constructor(keys: Iterable<string> = []) {
    this.#keys = [...new Set(keys)].sort();
  }

  has(key: string): boolean {
    return this.#keys[lowerBound(this.#keys, key)] === key;
  }

  add(keys: Iterable<string>): void {
    const fresh = [...new Set(keys)].filter((key) => !this.has(key));
    if (fresh.length >= many) this.#keys = this.#keys.concat(fresh).sort();
    else for (const key of fresh) this.#keys.splice(lowerBound(this.#keys, key), 0, key);
  }

  delete(keys: Iterable<string>): void {
    const gone = new Set(keys);
    if (gone.size >= many) this.#keys = this.#keys.filter((key) => !gone.has(key));
    else for (const key of gone) if (this.has(key)) this.#keys.splice(lowerBound(this.#keys, key), 1);
  }

  range({ from, before, limit = Infinity, reverse = false }: KeyRange): string[] {
    const first = lowerBound(this.#keys, from);
    const end = Math.max(first, lowerBound(this.#keys, before));
    const count = Math.max(0, Math.min(limit, end - first));
    return reverse ? this.#keys.slice(end - count, end).reverse() : this.#keys.slice(first, first + count);
  }
}

/** Where the first key is that is not before this one. */
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
