/** One change of a transaction: a value put under a key, or (`undefined`) the key taken away. */
export interface Change {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/** Which keys: those from `from` on (included) and before `before` (excluded). */
export interface KeyRange {
  readonly from: string;
  readonly before: string;
  /** At most this many; all when left out. */
  readonly limit?: number;
  /** From the end of the range backwards. */
  readonly reverse?: boolean;
}

/**
 * Where the SDK keeps what must outlive the process: bytes under keys, ordered by key. Keys are ASCII, so that every
 * order of strings is the same one.
 *
 * Atomic: all changes of one `write` are there, or none; of several to one key the last counts. Ordered: writes take effect in the order of the calls, also
 * when the promises of earlier ones are not resolved yet. Durable: when `write` resolves, its changes survive the end
 * of the process, and loss of power where the backend can promise that. A read sees every write that has resolved.
 *
 * A store belongs to one client from `createClient` on, which closes it. Every method rejects when the backend fails
 * (full, denied, closed); the client then says so and takes nothing for done.
 */
export interface Store {
  /** The value, or undefined. It must not be changed. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Keys and values in the order of the keys. */
  range(range: KeyRange): Promise<[key: string, value: Uint8Array][]>;
  /** All of the changes, or none. Resolves when they are durable. */
  write(changes: readonly Change[]): Promise<void>;
  /** Resolves when nothing is under way any more. Every method rejects from then on. */
  close(): Promise<void>;
}
