import type { Client, Message } from 'godwit-client';
import { createSearch, type Search } from 'godwit-client/search';
import { wordsOf } from '../words.js';
import { placeOf } from './talk.js';

/** Places read at a time. */
const page = 256;
/** More are of no use to whoever searches. */
const mostFound = 200;

/** Looks through what was said: what is shown of a message is what it is found by. */
export class Finder {
  readonly #search: Search;

  constructor(private readonly client: Client) {
    this.#search = createSearch(client, { text: (message) => wordsOf(message).words });
  }

  /**
   * The messages with all of the words, the newest 200 of them, newest first: in all conversations as far as they are
   * stored here.
   * @param here only in this conversation, but in all of it: what is not stored is fetched, while connected
   */
  async find(query: string, here?: string): Promise<Message[]> {
    if (here !== undefined) await this.#fetch(here);
    return this.#search.find(query, { limit: mostFound, ...(here !== undefined && { conversation: here }) });
  }

  async #fetch(conversation: string): Promise<void> {
    for (let before: number | undefined; ; ) {
      const shown = await this.client.messages(conversation, { limit: page, ...(before !== undefined && { before }) });
      if (shown.length < page) return;
      before = placeOf(shown[0]);
    }
  }
}
