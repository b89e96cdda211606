import type { State } from 'godwit-schemas';
import type { MaybePromise } from './conversation-log.js';

/** A lease for every connection: what it says of itself, and until when that holds without a sign of life. */
export interface Lease {
  user: string;
  /** Names the connection; unique over all connections of all time. */
  connection: string;
  state: State;
  /** Unix milliseconds of the last sign of life. */
  heardAtMs: number;
  /** Unix milliseconds after which it no longer counts. */
  untilMs: number;
}

export interface UserPresence {
  state: State;
  /** Unix milliseconds when the user was last heard; 0 = never. */
  lastSeenMs: number;
}

/**
 * Leases and what follows from them. A user's state is the strongest of their unexpired leases (ONLINE, AWAY,
 * OFFLINE); last seen is the latest sign of life of any lease they ever had, and survives a restart (lazily: at most
 * 10 s of it may be lost in a crash).
 */
export interface PresenceLeases {
  /** Puts or renews a lease. */
  put(lease: Lease): MaybePromise<void>;
  /** Ends a lease; `heardAtMs` is kept as last seen. */
  end(user: string, connection: string, heardAtMs: number): MaybePromise<void>;
  get(user: string, nowMs: number): MaybePromise<UserPresence>;
  /** Drops their leases, and when they were last seen. */
  forget(user: string): MaybePromise<void>;
  /** Users of whom a lease ran out between the last call and `nowMs`. */
  lapsed(nowMs: number): MaybePromise<readonly string[]>;
}
