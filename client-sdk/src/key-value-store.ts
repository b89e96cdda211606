import { base64Decode, base64Encode } from '@bufbuild/protobuf/wire';
import { Code, GodwitError } from 'godwit-schemas';
import { Journal, type Items } from './key-value-journal.js';
import { getItems, removeItems, setItems, type KeyValueStorage } from './key-value-storage.js';
import { SortedKeys } from './sorted-keys.js';
import type { Change, KeyRange, Store } from './store.js';

/** How a store lies in a key-value storage. */
export interface KeyValueStoreOptions {
  /** What the keys of this store begin with, before a slash: 1 or more of `A-Z a-z 0-9 _ . -`. Default `godwit`. */
  readonly prefix?: string;
}

/** Prefixes in use, by storage. */
const claims = new WeakMap<KeyValueStorage, Set<string>>();

/**
 * A store in a key-value storage such as AsyncStorage of React Native. A write is put into a journal first, by one
 * `setItem`, and then applied: whatever the process dies of, it is there whole or not at all. All keys are held in
 * memory. It was tested with storages that fail and die at every step, not on a phone.
 *
 * A write that rejects is taken back. Where the storage fails at that too, it is taken back before the next write; a
 * process that dies in between may find it there, whole.
 * @throws GodwitError MALFORMED for a bad prefix, CONFLICT when a store with that prefix is open in this process,
 * INTERNAL when the storage is damaged. Here and from the methods: STORAGE_FULL, UNAVAILABLE when the storage fails
 * otherwise, or the store is closed.
 */
export async function keyValueStore(storage: KeyValueStorage, { prefix = 'godwit' }: KeyValueStoreOptions = {}): Promise<Store> {
  if (!/^[\w.-]+$/.test(prefix)) throw new GodwitError(Code.MALFORMED, `not a prefix: ${prefix}`);
  const claimed = claims.get(storage) ?? new Set();
  claims.set(storage, claimed);
  if (claimed.has(prefix)) throw new GodwitError(Code.CONFLICT, `a store with the prefix ${prefix} is open`);
  claimed.add(prefix);
  const release = (): void => void claimed.delete(prefix);
  try {
    const records = `${prefix}/k/`;
    const names = await storage.getAllKeys();
    const keys = new SortedKeys(names.filter((name) => name.startsWith(records)).map((name) => name.slice(records.length)));
    const journal = new Journal(storage, `${prefix}/j`, names);
    const store = new KeyValueStore(storage, records, keys, journal, release);
    if (!journal.empty) await store.recover();
    return store;
  } catch (error) {
    release();
    throw toldOf(error);
  }
}

class KeyValueStore implements Store {
  /** What is in the journal and not yet, or perhaps not yet, where it belongs. */
  #pending: Items = new Map();
  /** The journal may hold a write that was rejected. */
  #inDoubt = false;
  readonly #reading = new Set<Promise<unknown>>();
  #last: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly storage: KeyValueStorage,
    /** What the names of the items begin with. */
    private readonly records: string,
    private readonly keys: SortedKeys,
    private readonly journal: Journal,
    private readonly release: () => void,
  ) {}

  /** Finishes what an earlier process began, or removes what it did not come to begin. */
  async recover(): Promise<void> {
    const left = await this.journal.read();
    if (left) this.#commit(left);
    this.#inDoubt = !left;
    await this.#settle();
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#mustBeOpen();
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending === null ? undefined : this.#decode(key, pending);
    if (!this.keys.has(key)) return undefined;
    return this.#decode(key, await this.#read(() => this.storage.getItem(this.records + key)));
  }

  async range(range: KeyRange): Promise<[string, Uint8Array][]> {
    this.#mustBeOpen();
    const keys = this.keys.range(range);
    const pending = this.#pending;
    const names = keys.filter((key) => !pending.has(key)).map((key) => this.records + key);
    const items = await this.#read(() => getItems(this.storage, names));
    return keys.map((key) => [key, this.#decode(key, pending.get(key) ?? items.get(this.records + key))]);
  }

  async write(changes: readonly Change[]): Promise<void> {
    this.#mustBeOpen();
    const items = new Map(changes.map(({ key, value }) => [key, value ? base64Encode(value) : null]));
    if (items.size === 0) return this.#last;
    const written = this.#last.then(() => this.#write(items));
    // It is done with the journal. What fails after that is tried again by the next write, by `close` and at the next start.
    this.#last = written.then(() => this.#settle()).catch(() => {});
    await written;
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#last
      .then(() => this.#settle())
      .catch((error: unknown) => Promise.reject(toldOf(error)))
      .finally(this.release));
  }

  async #write(items: Items): Promise<void> {
    try {
      await this.#settle();
      this.#inDoubt = true;
      await this.journal.put(items);
      this.#inDoubt = false;
    } catch (error) {
      // Only to be tried early: the next write does it in any case.
      if (this.#inDoubt) await this.#settle().catch(() => {});
      throw toldOf(error);
    }
    this.#commit(items);
  }

  #commit(items: Items): void {
    const [put, gone] = split(items);
    this.keys.add(put.map(([key]) => key));
    this.keys.delete(gone);
    this.#pending = items;
  }

  /** Empties the journal: what is in doubt is taken back, what is pending goes where it belongs. */
  async #settle(): Promise<void> {
    if (this.#pending.size > 0) {
      // Whoever began to read before it was pending gets to see nothing of it.
      await Promise.allSettled(this.#reading);
      const [put, gone] = split(this.#pending);
      await removeItems(this.storage, gone.map((key) => this.records + key));
      await setItems(this.storage, put.map(([key, value]) => [this.records + key, value]));
    } else if (!this.#inDoubt) {
      return;
    }
    await this.journal.remove();
    this.#inDoubt = false;
    this.#pending = new Map();
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    const reading = read();
    this.#reading.add(reading);
    try {
      return await reading;
    } catch (error) {
      throw toldOf(error);
    } finally {
      this.#reading.delete(reading);
    }
  }

  #decode(key: string, value: string | null | undefined): Uint8Array {
    if (value === null || value === undefined) throw new GodwitError(Code.UNAVAILABLE, `the storage has lost the item ${this.records + key}`);
    try {
      return base64Decode(value);
    } catch (cause) {
      throw Object.assign(new GodwitError(Code.INTERNAL, `the item ${this.records + key} of the storage is damaged`), { cause });
    }
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new GodwitError(Code.UNAVAILABLE, 'the store is closed');
  }
}

function split(items: Items): [put: [string, string][], gone: string[]] {
  const put: [string, string][] = [];
  const gone: string[] = [];
  for (const [key, value] of items) {
    if (value === null) gone.push(key);
    else put.push([key, value]);
  }
  return [put, gone];
}

function toldOf(error: unknown): GodwitError {
  if (error instanceof GodwitError) return error;
  const { name, message } = error as Error;
  // SQLite on Android says "database or disk is full", a browser QuotaExceededError, files "No space left on device".
  const full = /\bfull\b|quota|(no|out of) space/i.test(`${name} ${message}`);
  return Object.assign(new GodwitError(full ? Code.STORAGE_FULL : Code.UNAVAILABLE, `the storage failed: ${message || name}`), { cause: error });
}
