import type { Calls } from './calls.js';
import type { Inbox } from './inbox.js';
import type { Debug } from './options.js';
import type { Past } from './past.js';
import { encodeRecord, keys } from './records.js';
import type { Store } from './store.js';
import { readUpTo } from './unread.js';

/** Conversations whose newest messages a new device fetches; older ones are known once something is said there. */
const most = 100;
/** Messages of each. */
const page = 50;
const timeoutMs = 10_000;

export interface ListingHooks {
  readonly user: string;
  readonly debug: Debug;
  connected(): boolean;
}

/** What a new device has not been delivered: which conversations there are, how far they are read, and their newest messages. Once in the life of a store. */
export class Listing {
  #listed = false;
  #running: Promise<void> | undefined;

  constructor(
    private readonly store: Store,
    private readonly calls: Calls,
    private readonly inbox: Inbox,
    private readonly past: Past,
    private readonly hooks: ListingHooks,
  ) {}

  /** Resolves when it is known, or cannot be had now. Never rejects. */
  ensure(): Promise<void> {
    if (this.#listed) return Promise.resolve();
    return (this.#running ??= this.#run()
      .catch((error: unknown) => this.hooks.debug({ what: 'the list of conversations was not fetched', error }))
      .finally(() => (this.#running = undefined)));
  }

  async #run(): Promise<void> {
    if (await this.store.get(keys.listed)) {
      this.#listed = true;
      return;
    }
    if (!this.hooks.connected()) return;
    const { conversations } = await this.calls.call('conversations.list', { limit: most }, { timeoutMs });
    for (const { conversation, read, unread } of conversations) {
      // Before its messages are there: what is read is not to be counted.
      await this.inbox.run(async (tx) => {
        const place = tx.place(conversation);
        place.ownRead = Math.max(place.ownRead, Number(read));
        await readUpTo(conversation, place.ownRead, this.hooks.user, tx);
      });
      await this.past.fetch(conversation, Math.max(page, Number(unread)));
    }
    await this.inbox.run((tx) => tx.put(keys.listed, encodeRecord({})));
    this.#listed = true;
  }
}
