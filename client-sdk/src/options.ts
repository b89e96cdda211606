import type { FillRandom } from 'godwit-schemas';
import type { Cipher } from './cipher.js';
import type { NetworkHints } from './network.js';
import type { Store } from './store.js';
import type { Transport } from './transport.js';

/** Something that happened, for whoever looks for a fault. Never holds a body or a token. */
export interface DebugEntry {
  readonly what: string;
  readonly [detail: string]: unknown;
}

/** Takes what happens, for whoever looks for a fault. */
export type Debug = (entry: DebugEntry) => void;

/** Durations in milliseconds, unless they say otherwise. */
export interface Timing {
  /** First and longest bound of the wait before connecting again. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Until the CONNACK must be there. */
  readonly connectTimeoutMs: number;
  /** Seconds. */
  readonly keepaliveS: number;
  /** Seconds, in background: 300 to 900. */
  readonly backgroundKeepaliveS: number;
  /** Until the token function must have answered. */
  readonly tokenTimeoutMs: number;
  /** Something waits for an answer, and nothing was heard for this long: ping. */
  readonly quietMs: number;
  /** Until the answer to that ping must be there; then the connection counts as dead. */
  readonly pingTimeoutMs: number;
  /** A connection that lived this long was a good one: backoff and refusals start anew. */
  readonly stableMs: number;
  /** Until a control call must be answered, reconnects included. */
  readonly callTimeoutMs: number;
  /** The token is renewed this long before it expires, or at nine tenths of its life when that is later. */
  readonly renewBeforeMs: number;
  /** At most one typing notice of a conversation in this time. */
  readonly typingEveryMs: number;
}

/** What holds where `timing` says nothing else. */
export const defaultTiming: Timing = {
  backoffMinMs: 1_000,
  backoffMaxMs: 120_000,
  connectTimeoutMs: 10_000,
  tokenTimeoutMs: 30_000,
  keepaliveS: 30,
  backgroundKeepaliveS: 600,
  quietMs: 5_000,
  pingTimeoutMs: 5_000,
  stableMs: 10_000,
  callTimeoutMs: 30_000,
  renewBeforeMs: 60_000,
  typingEveryMs: 1_000,
};

/** A token, or where to get one. A function is asked again before the token expires, and once more when it is refused. */
export type TokenSource = string | (() => string | Promise<string>);

/** What a client is made of; `url`, `token` and `store` are enough. */
export interface ClientOptions {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`; WebSocket at `/mqtt`. */
  readonly url: string;
  readonly token: TokenSource;
  /** Left out: who the store belongs to, or the token's `sub`. */
  readonly user?: string;
  /** 1 to 32 of `A-Z a-z 0-9 _ -`. Left out: made once, and kept in the store. */
  readonly device?: string;
  /** Outlives the process, or every start is a new device. The client closes it. */
  readonly store: Store;
  /** Default: mqtt.js. */
  readonly transport?: Transport;
  /** Whether there is a network, where the platform says so. Default: in browsers theirs, elsewhere none. */
  readonly network?: NetworkHints;
  /** Default: none (alg 0). */
  readonly cipher?: Cipher;
  readonly debug?: Debug;
  /** Publishes without an answer at a time. Default 32. */
  readonly window?: number;
  readonly timing?: Partial<Timing>;
  /** Unix milliseconds. Default: `Date.now`. */
  readonly now?: () => number;
  /** Fills bytes with random ones. Default: `crypto.getRandomValues`. */
  readonly random?: FillRandom;
}

/** A message to be replied to, reacted to, edited or deleted: a `Message`, a `Sent`, or what names one. */
export interface MessageRef {
  readonly conversation: string;
  readonly id: string;
  /** Left out: this user. */
  readonly from?: string;
  /** Unix milliseconds when it disappears, if it does. */
  readonly expiresAtMs?: number;
  /** Seconds after which it disappears, where `expiresAtMs` is not known yet; 0 = never. */
  readonly expiresInS?: number;
}

/** How a message is sent. */
export interface SendOptions {
  /** No push, and not unread for the recipients. */
  readonly silent?: boolean;
  /** Seconds after which it disappears everywhere. */
  readonly expiresInS?: number;
}
