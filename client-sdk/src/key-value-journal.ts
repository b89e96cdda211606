import { Code, GodwitError } from 'godwit-schemas';
import { getItems, removeItems, setItems, type KeyValueStorage } from './key-value-storage.js';

/** What a write changes: base64 under a key, or null where the key is taken away. */
export type Items = ReadonlyMap<string, string | null>;

/** Of one item: rows of 2 MiB and more cannot be read on Android. */
const partLetters = 256 * 1024;

/**
 * One write, put whether or not the process lives to apply it. The item named `key` is what counts: with the single
 * `setItem` that puts it, the write is done. What does not fit into it stands in further items, put before it and
 * removed after it.
 */
export class Journal {
  /** Names of the items that may be there. */
  readonly #names: Set<string>;

  /** @param names of all the items of the storage, when it is opened. */
  constructor(
    private readonly storage: KeyValueStorage,
    private readonly key: string,
    names: readonly string[],
  ) {
    this.#names = new Set(names.filter((name) => name === key || name.startsWith(`${key}/`)));
  }

  get empty(): boolean {
    return this.#names.size === 0;
  }

  async put(items: Items): Promise<void> {
    const text = JSON.stringify([...items]);
    const parts: [string, string][] = [];
    for (let at = partLetters; at < text.length; at += partLetters) parts.push([`${this.key}/${parts.length}`, text.slice(at, at + partLetters)]);
    for (const name of [this.key, ...parts.map(([part]) => part)]) this.#names.add(name);
    await setItems(this.storage, parts);
    await this.storage.setItem(this.key, `${parts.length} ${text.slice(0, partLetters)}`);
  }

  /** What was put and not removed. @throws GodwitError INTERNAL when it cannot be read. */
  async read(): Promise<Items | undefined> {
    const first = await this.storage.getItem(this.key);
    if (first === null) return undefined;
    const head = /^(\d+) /.exec(first);
    const names = Array.from({ length: Number(head?.[1]) }, (_, i) => `${this.key}/${i}`);
    const parts = await getItems(this.storage, names);
    if (!head || parts.size !== names.length) throw new GodwitError(Code.INTERNAL, `the item ${this.key} of the storage is damaged`);
    return new Map(JSON.parse(first.slice(head[0].length) + names.map((name) => parts.get(name)).join('')) as [string, string | null][]);
  }

  async remove(): Promise<void> {
    // First what counts: without its parts it could not be read.
    await this.storage.removeItem(this.key);
    this.#names.delete(this.key);
    await removeItems(this.storage, [...this.#names]);
    this.#names.clear();
  }
}
