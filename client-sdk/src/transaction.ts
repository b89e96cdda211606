import { encodePlace, type Place, type Places } from './places.js';
import { keys } from './records.js';
import type { KeyRange, Store } from './store.js';

const page = 256;

/**
 * Changes that are stored together. What is read through it sees them already; everyone else sees them once they are
 * committed. Only the inbox makes transactions, one after the other.
 */
export class Transaction {
  #changes = new Map<string, Uint8Array | undefined>();
  #places = new Map<string, Place>();
  #after: (() => void)[] = [];
  #undo: (() => void)[] = [];

  constructor(
    private readonly store: Store,
    private readonly committed: Places,
  ) {}

  /** The conversation's place, to be changed. */
  place(conversation: string): Place {
    let place = this.#places.get(conversation);
    if (!place) this.#places.set(conversation, (place = { ...this.committed.get(conversation) }));
    return place;
  }

  put(key: string, value: Uint8Array): void {
    this.#changes.set(key, value);
  }

  delete(key: string): void {
    this.#changes.set(key, undefined);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#changes.has(key) ? this.#changes.get(key) : this.store.get(key);
  }

  /** Keys and values of a range in order, a page at a time. */
  async *rows(range: KeyRange): AsyncGenerator<[string, Uint8Array]> {
    for (let from = range.from; ; ) {
      const stored = await this.store.range({ from, before: range.before, limit: page });
      const more = stored.length === page;
      const next = more ? `${stored[page - 1][0]}\0` : range.before;
      const rows = new Map<string, Uint8Array | undefined>(stored);
      for (const [key, value] of this.#changes) if (key >= from && key < next) rows.set(key, value);
      for (const key of [...rows.keys()].sort()) {
        const value = rows.get(key);
        if (value) yield [key, value];
      }
      if (!more) return;
      from = next;
    }
  }

  /** Something to do once the changes are durable, in the order of the calls. */
  after(effect: () => void): void {
    this.#after.push(effect);
  }

  /** Something to do when they could not be stored. */
  undo(effect: () => void): void {
    this.#undo.push(effect);
  }

  async commit(): Promise<void> {
    for (const [conversation, place] of this.#places) {
      if (!same(place, this.committed.get(conversation))) this.#changes.set(keys.place(conversation), encodePlace(place));
    }
    if (this.#changes.size > 0) await this.store.write([...this.#changes].map(([key, value]) => ({ key, value })));
    for (const [conversation, place] of this.#places) this.committed.set(conversation, place);
  }

  runAfter(): void {
    for (const effect of this.#after) effect();
  }

  rollBack(): void {
    for (const effect of this.#undo) effect();
  }
}

function same(a: Readonly<Place>, b: Readonly<Place>): boolean {
  return (Object.keys(a) as (keyof Place)[]).every((key) => a[key] === b[key]);
}
