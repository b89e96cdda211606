/** Portable: runs in Node and in pages. What a scenario of the SDK may use; both kinds of places run the same ones. */
import type { Client, ClientOptions, Transport } from 'godwit-client';
import { described } from './recorder.js';

/** What only Node can do. */
export interface World {
  /** A token of that user. @param seconds its life; left out: a day. @param good false: signed by someone else */
  token(user: string, seconds?: number, good?: boolean): Promise<string>;
  /** Every connection breaks. */
  cut(): Promise<void>;
  /** kill -9 of the server, which is then started again. */
  killServer(): Promise<void>;
  /** The platform says that there is no network, and there is none; or that it is back. */
  setOffline(offline: boolean): Promise<void>;
}

/** Where a scenario plays. */
export interface Stage {
  readonly world: World;
  readonly transport: Transport;
  readonly url: string;
  /** A user's name, of this scenario alone. */
  user(name: string): string;
  /** A client of such a user. Its store is there again in the next part: that of `store`, or of the user. */
  client(name: string, options?: Partial<ClientOptions> & { as?: string }): Promise<Client>;
  /** The same, connected. */
  connected(name: string, options?: Partial<ClientOptions> & { as?: string }): Promise<Client>;
}

/**
 * One part, or several: between two the app ends without a word, and starts again with the stores that it had. What a
 * part returns (JSON) the next one is given.
 */
export type Scenario = readonly ((at: Stage, carried: never) => Promise<unknown>)[];

/** @throws where they are not the same, as JSON. */
export function same(actual: unknown, expected: unknown, what = 'the same'): void {
  const [a, b] = [described(actual), described(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

/** @throws where it is not so. */
export function ok(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** The code with which it rejects or throws; undefined where it does not. */
export async function codeOf(work: () => unknown): Promise<number | undefined> {
  try {
    await work();
  } catch (error) {
    return (error as { code?: number }).code;
  }
  return undefined;
}

/** Looks again and again, for what nobody tells. */
export async function becomes(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
