/**
 * What AsyncStorage of React Native is, and what is like it: strings under keys, in no order, and nothing that spans
 * two items is atomic. A single `setItem` must be: the item is as it was, or as it is put. What has resolved must be
 * there at the next start.
 *
 * The calls for many items make it faster where they are there, by the names of AsyncStorage 1 and 2 or those of 3.
 */
export interface KeyValueStorage {
  getItem(key: string): Promise<string | null>;
  setItem(key: string, value: string): Promise<void>;
  removeItem(key: string): Promise<void>;
  getAllKeys(): Promise<readonly string[]>;

  multiGet?(keys: string[]): Promise<readonly (readonly [key: string, value: string | null])[]>;
  multiSet?(items: [key: string, value: string][]): Promise<void>;
  multiRemove?(keys: string[]): Promise<void>;

  getMany?(keys: string[]): Promise<Record<string, string | null>>;
  setMany?(items: Record<string, string>): Promise<void>;
  removeMany?(keys: string[]): Promise<void>;
}

/** The values of those keys that there are. */
export async function getItems(storage: KeyValueStorage, keys: string[]): Promise<Map<string, string>> {
  const items = await pairs(storage, keys);
  return new Map(items.filter((item): item is readonly [string, string] => typeof item[1] === 'string'));
}

async function pairs(storage: KeyValueStorage, keys: string[]): Promise<readonly (readonly [string, string | null])[]> {
  if (keys.length === 0) return [];
  if (storage.multiGet) return storage.multiGet(keys);
  if (storage.getMany) return Object.entries(await storage.getMany(keys));
  return Promise.all(keys.map(async (key) => [key, await storage.getItem(key)] as const));
}

/** Resolves when all are put. When it rejects, some may be. */
export async function setItems(storage: KeyValueStorage, items: [key: string, value: string][]): Promise<void> {
  if (items.length === 0) return;
  if (storage.multiSet) return storage.multiSet(items);
  if (storage.setMany) return storage.setMany(Object.fromEntries(items));
  await settled(items.map(([key, value]) => storage.setItem(key, value)));
}

/** Resolves when all are gone. When it rejects, some may be. */
export async function removeItems(storage: KeyValueStorage, keys: string[]): Promise<void> {
  if (keys.length === 0) return;
  if (storage.multiRemove) return storage.multiRemove(keys);
  if (storage.removeMany) return storage.removeMany(keys);
  await settled(keys.map((key) => storage.removeItem(key)));
}

/** As `Promise.all`, but nothing is under way any more when it rejects: what comes next must not be overtaken. */
async function settled(promises: Promise<void>[]): Promise<void> {
  await Promise.allSettled(promises);
  await Promise.all(promises);
}
