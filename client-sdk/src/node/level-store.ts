import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, GodwitError } from 'godwit-schemas';
import { Level } from 'level';
import type { Change, KeyRange, Store } from '../store.js';

/**
 * A store in a folder on disk (LevelDB). Every write is synced: it survives kill -9 and loss of power.
 * The folder is made when it is not there, and belongs to one process.
 * @throws GodwitError CONFLICT when another process holds the folder, STORAGE_FULL when there is no room, INTERNAL when
 * it cannot be opened. The store's methods: STORAGE_FULL when there is no room; it goes on when there is. UNAVAILABLE
 * when it is closed, INTERNAL when the disk fails.
 */
export async function levelStore(folder: string): Promise<Store> {
  const level = new Level<string, Uint8Array>(folder, { valueEncoding: 'view' });
  try {
    await level.open();
  } catch (error) {
    throw toldOf(error, `the folder ${folder} cannot be opened`);
  }
  return new LevelStore(level, folder);
}

/** What LevelDB's own files take besides what is written. */
const besidesBytes = 65_536;

class LevelStore implements Store {
  /** LevelDB runs batches on several threads: one at a time keeps them in the order of the calls. */
  #last: Promise<void> = Promise.resolve();
  #reading = new Set<Promise<unknown>>();
  /** A write has failed, and the log ends in a piece of it: LevelDB would write behind that, and read nothing of it at the next start. */
  #torn = false;
  #opening: Promise<void> | undefined;
  #closed = false;

  constructor(
    private readonly level: Level<string, Uint8Array>,
    private readonly folder: string,
  ) {}

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#read(() => this.level.get(key));
  }

  range({ from, before, limit = -1, reverse = false }: KeyRange): Promise<[string, Uint8Array][]> {
    return this.#read(() => this.level.iterator({ gte: from, lt: before, limit, reverse }).all());
  }

  write(changes: readonly Change[]): Promise<void> {
    const batch = changes.map(({ key, value }) =>
      value === undefined ? ({ type: 'del', key } as const) : ({ type: 'put', key, value } as const),
    );
    const written = this.#last.then(async () => {
      if (this.#torn && !this.#closed) await this.#openAgain();
      try {
        await this.level.batch(batch, { sync: true });
      } catch (error) {
        this.#torn = true;
        throw toldOf(error, 'it could not be written');
      }
    });
    // A failed write is its caller's to hear of; the next one does not fail for it.
    this.#last = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.level.close();
  }

  /** LevelDB begins a new log when it is opened, with what is whole of the old one. Until there is room for that, what is stored can be read. */
  async #openAgain(): Promise<void> {
    await this.#findRoom();
    this.#opening = (async () => {
      await Promise.allSettled(this.#reading);
      await this.level.close();
      await this.level.open();
    })();
    try {
      await this.#opening;
      this.#torn = false;
    } catch (error) {
      throw toldOf(error, 'it could not be opened again');
    } finally {
      this.#opening = undefined;
    }
  }

  async #findRoom(): Promise<void> {
    const logs = (await readdir(this.folder)).filter((file) => file.endsWith('.log'));
    const sizes = await Promise.all(logs.map(async (file) => (await stat(join(this.folder, file))).size));
    const trial = join(this.folder, 'room');
    try {
      await writeFile(trial, new Uint8Array(sizes.reduce((sum, size) => sum + size, besidesBytes)));
    } catch (error) {
      throw toldOf(error, 'it could not be written');
    } finally {
      await rm(trial, { force: true });
    }
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    await this.#opening?.catch(() => {});
    const reading = read();
    this.#reading.add(reading);
    try {
      return await reading;
    } catch (error) {
      throw toldOf(error, 'it could not be read');
    } finally {
      this.#reading.delete(reading);
    }
  }
}

/** LevelDB gives words only. */
const noRoom = /no space left|quota exceeded|file too large/i;

function toldOf(error: unknown, what: string): GodwitError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
  const { code, message } = cause as { code?: unknown; message: string };
  if (code === 'LEVEL_LOCKED') return Object.assign(new GodwitError(Code.CONFLICT, `another process is using it: ${what}`), { cause: error });
  const which = noRoom.test(message) ? Code.STORAGE_FULL : code === 'LEVEL_DATABASE_NOT_OPEN' ? Code.UNAVAILABLE : Code.INTERNAL;
  return Object.assign(new GodwitError(which, `${what}: ${message}`), { cause: error });
}
