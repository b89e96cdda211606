/** Runs in a browser: opens stores on IndexedDB and does with them what `page-store` asks for. Bytes travel as base64. */
import { base64Decode, base64Encode } from '@bufbuild/protobuf/wire';
import { GodwitError, indexedDbStore, type KeyRange, type Store } from 'godwit-client';

const stores: Store[] = [];

const methods = {
  open: async (name: string): Promise<number> => stores.push(await indexedDbStore(name)) - 1,
  get: async (store: number, key: string): Promise<string | undefined> => {
    const value = await stores[store].get(key);
    return value && base64Encode(value);
  },
  range: async (store: number, range: KeyRange): Promise<[string, string][]> => {
    return (await stores[store].range(range)).map(([key, value]) => [key, base64Encode(value)]);
  },
  write: (store: number, changes: [key: string, value: string | null][]): Promise<void> => {
    return stores[store].write(changes.map(([key, value]) => ({ key, value: value === null ? undefined : base64Decode(value) })));
  },
  close: (store: number): Promise<void> => stores[store].close(),
};

export type Methods = typeof methods;
export type Outcome = { value: unknown } | { error: string; code: number | undefined };

async function callStore(method: keyof Methods, ...parameters: unknown[]): Promise<Outcome> {
  try {
    return { value: await (methods[method] as (...parameters: unknown[]) => Promise<unknown>)(...parameters) };
  } catch (error) {
    return { error: String(error), code: error instanceof GodwitError ? error.code : undefined };
  }
}

Object.assign(globalThis, { callStore, stores });
