import { Code, GodwitError } from 'godwit-schemas';
import { Level } from 'level';
import type { Change, KeyRange, Store } from '../store.js';

/**
 * A store in a folder on disk (LevelDB). Every write is synced: it survives kill -9 and loss of power.
 * The folder is made when it is not there, and belongs to one process.
 * @throws GodwitError CONFLICT when another process holds the folder, INTERNAL when it cannot be opened.
 */
export async function levelStore(folder: string): Promise<Store> {
  const level = new Level<string, Uint8Array>(folder, { valueEncoding: 'view' });
  try {
    await level.open();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const locked = (cause as { code?: unknown }).code === 'LEVEL_LOCKED';
    throw Object.assign(
      locked
        ? new GodwitError(Code.CONFLICT, `another process is using the folder ${folder}`)
        : new GodwitError(Code.INTERNAL, `the folder ${folder} cannot be opened: ${(cause as Error).message}`),
      { cause: error },
    );
  }
  return new LevelStore(level);
}

class LevelStore implements Store {
  /** LevelDB runs batches on several threads: one at a time keeps them in the order of the calls. */
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly level: Level<string, Uint8Array>) {}

  get(key: string): Promise<Uint8Array | undefined> {
    return this.level.get(key);
  }

  async range({ from, before, limit = -1, reverse = false }: KeyRange): Promise<[string, Uint8Array][]> {
    return this.level.iterator({ gte: from, lt: before, limit, reverse }).all();
  }

  write(changes: readonly Change[]): Promise<void> {
    const batch = changes.map(({ key, value }) =>
      value === undefined ? ({ type: 'del', key } as const) : ({ type: 'put', key, value } as const),
    );
    const written = this.#last.then(() => this.level.batch(batch, { sync: true }));
    // A failed write is its caller's to hear of; the next one does not fail for it.
    this.#last = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.level.close();
  }
}
