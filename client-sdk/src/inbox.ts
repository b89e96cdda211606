import type { Places } from './places.js';
import type { Store } from './store.js';
import type { Connection } from './transport.js';
import { Transaction } from './transaction.js';

/** Something that changes what is stored. */
export interface Job {
  apply(tx: Transaction): Promise<void>;
  /** It came on this connection: when that is lost before the job is done, the job is dropped, as it comes again. */
  connection?: Connection;
  /** Acknowledged on its connection, once stored. 0 = nothing to acknowledge. */
  packetId?: number;
  /** It hands something to the app: waits while a stream of the app is full. */
  shown?: boolean;
  /** Told when it is stored, or could not be. */
  settled?(error?: unknown): void;
}

const most = 256;

export interface InboxHooks {
  hasRoom(): boolean;
  /** The store failed: what was to be done was not. */
  failed(error: unknown): void;
  /** Adds to every transaction what waits for one. */
  before(tx: Transaction): void;
}

/**
 * The one place where the store's messages, places and outbox change. Everything that came while a transaction was
 * under way goes into the next: "messages stored, cursor moved" is one write, then come the PUBACKs, then the app.
 */
export class Inbox {
  #jobs: Job[] = [];
  #running: Promise<void> | undefined;

  constructor(
    private readonly store: Store,
    private readonly places: Places,
    private readonly hooks: InboxHooks,
  ) {}

  push(job: Job): void {
    this.#jobs.push(job);
    this.wake();
  }

  /** A job of the SDK's own; resolves when it is stored. */
  run(apply: (tx: Transaction) => Promise<void> | void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.push({ apply: async (tx) => apply(tx), settled: (error) => (error === undefined ? resolve() : reject(error)) });
    });
  }

  /** To be called when the app has room again. */
  wake(): void {
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
      if (this.#takes()) this.wake();
    });
  }

  /** Drops what came on a connection that is lost, and is not under way: it is not acknowledged, so it comes again. */
  lost(connection: Connection): void {
    this.#jobs = this.#jobs.filter((job) => job.connection !== connection);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  #takes(): boolean {
    return this.#jobs.length > 0 && (this.hooks.hasRoom() || this.#jobs.some((job) => !job.shown));
  }

  #take(): Job[] {
    if (this.hooks.hasRoom()) return this.#jobs.splice(0, most);
    // Results and receipts go on: the app may be waiting for one of them before it takes the next message.
    const taken = this.#jobs.filter((job) => !job.shown);
    this.#jobs = this.#jobs.filter((job) => job.shown);
    return taken;
  }

  async #work(): Promise<void> {
    // What arrives in one turn of the event loop is one transaction.
    await Promise.resolve();
    for (let jobs = this.#take(); jobs.length > 0; jobs = this.#take()) {
      const tx = new Transaction(this.store, this.places);
      try {
        this.hooks.before(tx);
        for (const job of jobs) await job.apply(tx);
        await tx.commit();
      } catch (error) {
        tx.rollBack();
        this.hooks.failed(error);
        for (const job of jobs) job.settled?.(error);
        continue;
      }
      acknowledge(jobs);
      tx.runAfter();
      for (const job of jobs) job.settled?.();
    }
  }
}

function acknowledge(jobs: readonly Job[]): void {
  const ids = new Map<Connection, number[]>();
  for (const { connection, packetId } of jobs) {
    if (!connection || !packetId) continue;
    const of = ids.get(connection);
    if (of) of.push(packetId);
    else ids.set(connection, [packetId]);
  }
  for (const [connection, packetIds] of ids) connection.acknowledge(packetIds);
}
