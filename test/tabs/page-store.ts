import type { Change, KeyRange, Store } from 'godwit-client';

/** As much of IndexedDB as is used here. */
interface Request<T> {
  result: T;
  error: unknown;
  onsuccess: () => void;
  onerror: () => void;
}
interface Rows {
  get(key: string): Request<Uint8Array | undefined>;
  put(value: Uint8Array, key: string): void;
  delete(key: string): void;
  openCursor(range: unknown, direction: 'next' | 'prev'): Request<{ key: string; value: Uint8Array; continue(): void } | null>;
}
interface Database {
  createObjectStore(name: string): void;
  transaction(name: string, mode: 'readonly' | 'readwrite', options?: object): { objectStore(name: string): Rows; error: unknown; oncomplete: () => void; onabort: () => void };
  close(): void;
}
declare const indexedDB: { open(name: string): Request<Database> & { onupgradeneeded: () => void } };
declare const IDBKeyRange: { bound(from: string, before: string, fromOpen: boolean, beforeOpen: boolean): unknown };

/** The least that is a store in a page: for a test of what stands on it. */
export async function pageStore(name: string): Promise<Store> {
  const opening = indexedDB.open(name);
  opening.onupgradeneeded = () => opening.result.createObjectStore('rows');
  return new PageStore(await done(opening));
}

class PageStore implements Store {
  constructor(private readonly database: Database) {}

  get(key: string): Promise<Uint8Array | undefined> {
    return done(this.database.transaction('rows', 'readonly').objectStore('rows').get(key));
  }

  range({ from, before, limit = Infinity, reverse = false }: KeyRange): Promise<[string, Uint8Array][]> {
    const request = this.database.transaction('rows', 'readonly').objectStore('rows').openCursor(IDBKeyRange.bound(from, before, false, true), reverse ? 'prev' : 'next');
    const found: [string, Uint8Array][] = [];
    return new Promise((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor || found.length >= limit) return resolve(found);
        found.push([cursor.key, cursor.value]);
        cursor.continue();
      };
    });
  }

  write(changes: readonly Change[]): Promise<void> {
    const transaction = this.database.transaction('rows', 'readwrite', { durability: 'strict' });
    const rows = transaction.objectStore('rows');
    for (const { key, value } of changes) {
      if (value === undefined) rows.delete(key);
      else rows.put(value, key);
    }
    return new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
  }

  async close(): Promise<void> {
    this.database.close();
  }
}

function done<T>(request: Request<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
