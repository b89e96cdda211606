import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from 'godwit-schemas';
import { MongoClient, MongoServerError, type Db, type MongoClientOptions, type TopologyDescriptionChangedEvent } from 'mongodb';
import type { Logger } from 'pino';
import { unavailable, type Availability } from '../../broker/ports/availability.js';

/** Milliseconds between two questions whether it is there again. */
const ASK_EVERY_MS = 1_000;
/** Milliseconds between two lines of the log that say that it is away. */
const TELL_EVERY_MS = 60_000;

/** Errors of a server that is about to be another one, or not one yet: those that the specification of retryable reads names. */
const PASSING = new Set([6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

const waitMs = limits.mongoWaitMs.value;
/** Nothing that the address says may weaken what the ports promise, or wait for ever. */
export const OPTIONS: MongoClientOptions = {
  appName: 'godwit',
  serverSelectionTimeoutMS: waitMs,
  connectTimeoutMS: waitMs,
  socketTimeoutMS: waitMs,
  waitQueueTimeoutMS: waitMs,
  writeConcern: { w: 'majority', wtimeoutMS: waitMs },
  readConcern: { level: 'majority' },
  readPreference: 'primary',
  ignoreUndefined: true,
};

export interface LinkOptions {
  url: string;
  log: Logger;
  /** Unix milliseconds. */
  now: () => number;
  /** Must succeed before anything else is done there. */
  prepare: (db: Db) => Promise<void>;
}

/** The way to MongoDB: knows whether it is there, asks again while it is not, and fails calls meanwhile. */
export class Link implements Availability {
  readonly db: Db;
  private readonly client: MongoClient;
  private away: string | undefined = 'not asked yet';
  private prepared = false;
  private toldAtMs: number | undefined;
  private asking: Promise<void> | undefined;
  private readonly listeners: (() => void)[] = [];
  private readonly pending = new Set<Promise<unknown>>();
  private readonly closing = new AbortController();

  private constructor(private readonly options: LinkOptions) {
    this.client = new MongoClient(options.url, OPTIONS);
    this.db = this.client.db(databaseOf(options.url));
    this.client.on('topologyDescriptionChanged', (event) => this.changed(event));
  }

  /**
   * Resolves when the server has answered, or could not be reached once; then it is asked again behind the scenes.
   * @throws Error when the address cannot be read
   */
  static async open(options: LinkOptions): Promise<Link> {
    const link = new Link(options);
    if (!(await link.ask())) link.askAgain();
    return link;
  }

  whyAway(): string | undefined {
    return this.away === undefined ? undefined : `MongoDB is away: ${this.away}`;
  }

  onReturn(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** @throws RefusedError UNAVAILABLE: it is away, or went away meanwhile, and nobody knows whether it was done */
  async run<T>(work: (db: Db) => Promise<T>): Promise<T> {
    if (this.away !== undefined) throw unavailable('users, groups and old messages cannot be reached at present; try again');
    const working = work(this.db);
    this.pending.add(working);
    try {
      return await working;
    } catch (error) {
      if (!passes(error)) throw error;
      this.askAgain();
      throw unavailable('users, groups and old messages could not be reached; try again');
    } finally {
      this.pending.delete(working);
    }
  }

  /** What is under way comes to its end first, if it does in time. */
  async close(): Promise<void> {
    this.closing.abort();
    await Promise.race([Promise.allSettled(this.pending), sleep(waitMs, undefined, { ref: false })]);
    await this.client.close();
    await this.asking;
  }

  private changed({ newDescription }: TopologyDescriptionChangedEvent): void {
    const servers = [...newDescription.servers.values()];
    if (!this.prepared || this.closing.signal.aborted || servers.some((server) => server.isWritable)) return;
    const error = servers.find((server) => server.error)?.error;
    this.lost(error?.message ?? 'there is no primary');
    this.askAgain();
  }

  private askAgain(): void {
    this.asking ??= this.askUntilThere().finally(() => (this.asking = undefined));
  }

  private async askUntilThere(): Promise<void> {
    const { signal } = this.closing;
    do {
      await sleep(ASK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    } while (!signal.aborted && !(await this.ask()));
  }

  private async ask(): Promise<boolean> {
    try {
      // One that failed to connect stays closed until it is told to again; one that is connected does nothing.
      await this.client.connect();
      if (!this.prepared) await this.options.prepare(this.db);
      this.prepared = true;
      await this.db.command({ ping: 1 });
    } catch (error) {
      if (!this.closing.signal.aborted) this.lost((error as Error).message);
      return false;
    }
    this.away = undefined;
    if (this.toldAtMs !== undefined) this.options.log.info('MongoDB is there again');
    this.toldAtMs = undefined;
    for (const listener of this.listeners) listener();
    return true;
  }

  private lost(reason: string): void {
    this.away = reason;
    const now = this.options.now();
    if (this.toldAtMs !== undefined && now - this.toldAtMs < TELL_EVERY_MS) return;
    this.toldAtMs = now;
    this.options.log.warn({ reason }, 'MongoDB is away: connections and calls that need it are refused until it is there');
  }
}

export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === 11_000;
}

/** Whether a later try may succeed; what the server says of the request itself does not change. */
function passes(error: unknown): boolean {
  if (!(error instanceof MongoServerError)) return error instanceof Error && error.name.startsWith('Mongo');
  return error.name === 'MongoWriteConcernError' || error.hasErrorLabel('RetryableWriteError') || PASSING.has(Number(error.code));
}

/** The path of the address, or where it has none `godwit`. */
export function databaseOf(url: string): string {
  const name = /^mongodb(?:\+srv)?:\/\/[^/?]*\/([^?]+)/.exec(url)?.[1];
  return name ? decodeURIComponent(name) : 'godwit';
}
