import { Code, GodwitError } from 'godwit-schemas';
import { openDB, unwrap, type IDBPDatabase } from 'idb';
import type { Change, KeyRange, Store } from './store.js';

/** Of the layout of the database: bytes under the store's own keys. */
const version = 1;
const records = 'records';
/** IndexedDB counts with 32 bits; a limit above them is none. */
const mostRows = 0xffff_ffff;

/**
 * A store in a database of the browser (IndexedDB) of that name, made when it is not there. A resolved write survives
 * the end of the page and of the browser, and loss of power where the browser keeps to `durability: 'strict'`.
 *
 * It belongs to one client: two tabs need two names, or one of them must do the work for both. A browser that runs out
 * of room may throw away all that an origin has stored, unless the app was granted `navigator.storage.persist()`.
 *
 * When the database is deleted, or a page with a newer version of the SDK opens it, the store lets go of it and rejects
 * from then on.
 * @throws GodwitError UNAVAILABLE when there is no IndexedDB here, or it is denied or damaged; CONFLICT when the database
 * has the layout of a newer version or another app, or a page holds one of an older version open; STORAGE_FULL. The
 * store's methods: STORAGE_FULL when the origin's quota is used up, UNAVAILABLE when it is closed or gone.
 */
export async function indexedDbStore(name: string): Promise<Store> {
  const database = await open(name).catch((error: unknown) => Promise.reject(toldOf(error, `the database ${name} cannot be opened`)));
  if (database.objectStoreNames.contains(records)) return new IndexedDbStore(database, name);
  database.close();
  throw new GodwitError(Code.CONFLICT, `the database ${name} is of another app`);
}

async function open(name: string): Promise<IDBPDatabase> {
  if (!globalThis.indexedDB) throw new GodwitError(Code.UNAVAILABLE, 'there is no IndexedDB here');
  return new Promise((resolve, reject) => {
    let blocked = false;
    openDB(name, version, {
      upgrade: (database) => {
        if (!database.objectStoreNames.contains(records)) database.createObjectStore(records);
      },
      blocked: () => {
        blocked = true;
        reject(new GodwitError(Code.CONFLICT, `a page with an older version holds the database ${name} open`));
      },
      // Unblocked after all, it must not stand in the way of others: nobody waits for it any more.
    }).then((database) => (blocked ? database.close() : resolve(database)), reject);
  });
}

class IndexedDbStore implements Store {
  readonly #database: IDBPDatabase;
  /** Resolves when the last write has ended, and with it all before it. */
  #last: Promise<unknown> = Promise.resolve();
  /** Ends what is under way when the browser does not. */
  readonly #abandon = new Set<() => void>();
  /** Why nothing is done any more. */
  #ended: string | undefined;

  constructor(database: IDBPDatabase, name: string) {
    this.#database = database;
    const raw = unwrap(database);
    // The other one waits until nobody holds it open.
    raw.onversionchange = ({ newVersion }) => this.#end(`the database ${name} ${newVersion === null ? 'is deleted' : 'goes to a newer version'}`);
    raw.onclose = () => {
      this.#end(`the browser has closed the database ${name}`);
      // It is to abort them, and Chromium 156 often does not.
      for (const abandon of this.#abandon) abandon();
    };
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#read((store) => store.get(key) as Promise<Uint8Array | undefined>);
  }

  range({ from, before, limit = Infinity, reverse = false }: KeyRange): Promise<[string, Uint8Array][]> {
    return this.#read(async (store) => {
      // IndexedDB refuses an empty range, and takes a limit of 0 for none.
      if (from >= before || limit <= 0) return [];
      const count = limit <= mostRows ? limit : undefined;
      let range = IDBKeyRange.bound(from, before, false, true);
      if (reverse && count !== undefined) {
        // Where the last `count` keys begin, in two round trips; from there on it is one, as forwards.
        let cursor = await store.openKeyCursor(range, 'prev');
        if (count > 1) cursor = (await cursor?.advance(count - 1)) ?? null;
        if (cursor) range = IDBKeyRange.bound(cursor.key, before, false, true);
      }
      const [keys, values] = await Promise.all([store.getAllKeys(range, count), store.getAll(range, count)]);
      const rows = keys.map((key, i): [string, Uint8Array] => [key as string, values[i] as Uint8Array]);
      return reverse ? rows.reverse() : rows;
    });
  }

  write(changes: readonly Change[]): Promise<void> {
    const written = this.#run(() => this.#write(changes));
    // A failed write is its caller's to hear of.
    this.#last = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    this.#end('the store is closed');
    await this.#last;
  }

  /** Transactions that write to the same object store run in the order in which they were made: that of the calls. */
  async #write(changes: readonly Change[]): Promise<void> {
    const transaction = unwrap(this.#database).transaction(records, 'readwrite', { durability: 'strict' });
    const ended = settled(transaction);
    try {
      const store = transaction.objectStore(records);
      for (const { key, value } of changes) {
        // A copy: of a view, the whole buffer behind it would be stored.
        if (value) store.put(new Uint8Array(value), key);
        else store.delete(key);
      }
    } catch (error) {
      transaction.abort();
      await ended.catch(() => {});
      throw error;
    }
    await ended;
  }

  #read<T>(read: (store: ReturnType<typeof readOnly>) => Promise<T>): Promise<T> {
    return this.#run(() => read(readOnly(this.#database)));
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ended) throw new GodwitError(Code.UNAVAILABLE, this.#ended);
    let abandon!: () => void;
    const abandoned = new Promise<never>((_resolve, reject) => (abandon = () => reject(new GodwitError(Code.UNAVAILABLE, this.#ended))));
    this.#abandon.add(abandon);
    try {
      return await Promise.race([work(), abandoned]);
    } catch (error) {
      throw toldOf(error, this.#ended ?? 'the browser\'s database failed');
    } finally {
      this.#abandon.delete(abandon);
    }
  }

  /** Ends what is under way in good order, and begins nothing new. */
  #end(reason: string): void {
    this.#ended ??= reason;
    this.#database.close();
  }
}

function readOnly(database: IDBPDatabase) {
  const { done, store } = database.transaction(records);
  // What it would tell of is told by the requests.
  done.catch(() => {});
  return store;
}

/**
 * Resolves when all of it is durable, rejects when all of it is undone, with why. (The `done` of idb rejects at the
 * first request that fails, when neither the one nor the other is known.)
 */
function settled(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException('the transaction was aborted', 'AbortError'));
  });
}

/** By the name of the `DOMException`; any other is UNAVAILABLE. */
const codes = new Map<string, Code>([
  ['QuotaExceededError', Code.STORAGE_FULL],
  ['VersionError', Code.CONFLICT],
  ['DataError', Code.MALFORMED],
]);

function toldOf(error: unknown, what: string): GodwitError {
  if (error instanceof GodwitError) return error;
  const { name, message } = error as Error;
  return Object.assign(new GodwitError(codes.get(name) ?? Code.UNAVAILABLE, `${what}: ${message || name}`), { cause: error });
}
