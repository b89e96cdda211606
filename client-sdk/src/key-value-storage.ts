/**
 * What AsyncStorage of React Native is, and what is like it: strings under keys, in no order, and nothing that spans
 * two items is atomic. A single `setItem` must be: the item is as it was, or as it is put. What has resolved must be
 * there at the next start.
 *
 * The calls for many items make it faster where they are there, by the names of AsyncStorage 1 and 2 or those of 3.
 */
export interface KeyValueStorage {
  /** The value; null when there is none. */
  getItem(key: string): Promise<string | null>;
  /** Puts one item, whole or not at all. */
  setItem(key: string, value: string): Promise<void>;
  /** Removes an item; nothing happens when there is none. */
  removeItem(key: string): Promise<void>;
  /** The keys of all items, in any order. */
  getAllKeys(): Promise<readonly string[]>;

  /** Many at once, as in AsyncStorage 1 and 2. */
  multiGet?(keys: string[]): Promise<readonly (readonly [key: string, value: string | null])[]>;
  /** Puts many; when it rejects, some may be there. */
  multiSet?(items: [key: string, value: string][]): Promise<void>;
  /** Removes many; when it rejects, some may be gone. */
  multiRemove?(keys: string[]): Promise<void>;

  /** Many at once, as in AsyncStorage 3. */
  getMany?(keys: string[]): Promise<Record<string, string | null>>;
  /** As `multiSet`, by the name of AsyncStorage 3. */
  setMany?(items: Record<string, string>): Promise<void>;
  /** As `multiRemove`, by the name of AsyncStorage 3. */
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
