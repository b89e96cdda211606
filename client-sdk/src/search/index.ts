/**
 * Full-text search in what is stored here: an entry of its own, so that only apps that search carry it.
 * @module
 */
import type { Client } from '../client-interface.js';
import type { Message } from '../events.js';
import { LocalSearch } from './local-search.js';

/** What is searched. */
export interface SearchSource {
  /** What of a message is found: words, as they are read. Left out: texts, captions, names of files, labels of places, names of contacts. */
  readonly text?: (message: Message) => string | undefined;
  /** Messages that are held in the index, the newest of all conversations; what is older is not found. Default 50,000. */
  readonly most?: number;
}

/** Which messages. */
export interface FindOptions {
  /** Only of this conversation, or of the one with this user. */
  readonly conversation?: string;
  /** At most this many. Default 20. */
  readonly limit?: number;
  /** Only those sent before this, server clock, Unix milliseconds: of the last one that was found, for the next page. */
  readonly before?: number;
}

/** Finds messages by their words. */
export interface Search {
  /**
   * The messages that have all of these words, the newest first, as they now are: an edited one by what it says now, and
   * none that is deleted, has disappeared or was cleared. Case and accents do not matter; of the last word the beginning,
   * of two letters at least, is enough. Only what is stored here is searched; the first call reads it, later ones what has come since.
   * @throws GodwitError MALFORMED for what is no conversation, UNAVAILABLE when the search or the client is closed; what
   * the store throws.
   */
  find(words: string, options?: FindOptions): Promise<Message[]>;
  /** Lets the index go. */
  close(): void;
}

/**
 * A search in what a client has stored. Nothing is read before the first `find`; the index is held in memory, and made
 * anew in the next run.
 */
export function createSearch(client: Client, source: SearchSource = {}): Search {
  return new LocalSearch(client, source);
}
