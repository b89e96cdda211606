import type { Account, Payload } from '../load/frames.js';

/** A server under measurement. */
export interface Peer {
  name: string;
  /** What a reader of the table must know of its settings. */
  settings: string;
  /** The version, or undefined where it is not installed. */
  version(): string | undefined;
  /** Ways to set it up of which none is the best for everything: each workload runs with the one that serves it best. */
  variants: readonly string[];
  dialect: Dialect;
  /** Starts it on a free port with an empty state, or with what `furnish` puts into its data folder before. */
  start(variant: string, furnish?: (dataFolder: string) => Promise<void>): Promise<Running>;
}

export interface Running {
  host: string;
  port: number;
  /** Of control calls, where the server has them. */
  httpPort?: number;
  pid: number;
  /** The account of a device of `user`. */
  account(user: string, clean: boolean): Promise<Account>;
  /** The call that makes a group, its first member the creator, where the server has groups. */
  prepareGroup?(group: string, members: string[]): Promise<{ url: string; authorization: string; body: string }>;
  stop(): Promise<void>;
}

/** How messages travel on it. */
export interface Dialect {
  payload: Payload;
  publishTopic(to: string): string;
  deliveryTopic(to: string): string;
  receiverFilter(user: string): string;
  /** Set where a server tells senders what became of their messages, on topics that its clients subscribe to. */
  senderFilter?: (user: string) => string;
  group: GroupDialect;
}

/** How a message reaches everyone in a group. */
export interface GroupDialect {
  publishTopic(group: string): string;
  deliveryTopic(user: string, group: string): string;
  receiverFilter(user: string, group: string): string;
  /** What the senders subscribe to, who are no receivers. */
  senderFilter?(user: string): string;
}
