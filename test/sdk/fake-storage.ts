import type { KeyValueStorage } from 'godwit-client';

/** What the calls for many items are named: as in AsyncStorage 1 and 2, as in 3, or there are none. */
export type Flavour = 'multi' | 'many' | 'single';

/** What goes wrong, at which steps (counted from 1). */
export interface Fault {
  readonly at: (step: number) => boolean;
  /** Whether the step has its effect all the same. */
  readonly effect: boolean;
  /** Nothing works after it: the process is dead. */
  readonly dies: boolean;
  readonly error?: Error;
}

/** An AsyncStorage on a `Map`, which outlives it. Putting or removing one item, and a read, is a step; a step is atomic. */
export class FakeStorage {
  steps = 0;
  #dead = false;
  /** When set, reads wait for it once they have begun. */
  readsWait: Promise<void> | undefined;

  constructor(
    readonly disk: Map<string, string>,
    private readonly fault?: Fault,
  ) {}

  as(flavour: Flavour): KeyValueStorage {
    const { disk } = this;
    const put = (key: string, value: string): Promise<void> => this.#step(() => void disk.set(key, value));
    const remove = (key: string): Promise<void> => this.#step(() => void disk.delete(key));
    const read = async <T>(take: () => T): Promise<T> => {
      await this.readsWait;
      let taken!: T;
      await this.#step(() => (taken = take()));
      return taken;
    };
    const pairs = (keys: string[]) => read(() => keys.map((key): [string, string | null] => [key, disk.get(key) ?? null]));
    const each = async <T>(items: T[], run: (item: T) => Promise<void>): Promise<void> => {
      for (const item of items) await run(item);
    };
    const single: KeyValueStorage = {
      getItem: (key) => read(() => disk.get(key) ?? null),
      setItem: put,
      removeItem: remove,
      getAllKeys: () => read(() => [...disk.keys()]),
    };
    if (flavour === 'single') return single;
    if (flavour === 'multi') return { ...single, multiGet: pairs, multiSet: (items) => each(items, ([key, value]) => put(key, value)), multiRemove: (keys) => each(keys, remove) };
    return {
      ...single,
      getMany: async (keys) => Object.fromEntries(await pairs(keys)),
      setMany: (items) => each(Object.entries(items), ([key, value]) => put(key, value)),
      removeMany: (keys) => each(keys, remove),
    };
  }

  async #step(effect: () => void): Promise<void> {
    // Nothing takes effect in the turn of the call.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#dead) throw new Error('the process is dead');
    if (!this.fault?.at(++this.steps)) return effect();
    this.#dead = this.fault.dies;
    if (this.fault.effect) effect();
    throw this.fault.error ?? new Error('the storage failed');
  }
}
