import type { Calls } from './calls.js';
import type { Deliveries } from './deliveries.js';
import type { Inbox } from './inbox.js';
import type { Debug } from './options.js';
import type { Places } from './places.js';
import { ranges, seqOfKey } from './records.js';
import { decodeStored } from './stored-message.js';
import type { Store } from './store.js';

/** Places asked for at a time, at least: what the next page needs is here then. */
const least = 50;
const most = 200;
/** Milliseconds: whoever waits is shown what is here. */
const timeoutMs = 10_000;

export interface PastHooks {
  readonly debug: Debug;
  connected(): boolean;
}

/**
 * What lies before all that is stored of a conversation: another device had it, or this one before it lost its store.
 * It is fetched as the app pages back, and stored beside the rest; nobody is told of it as news.
 */
export class Past {
  /** One fetch a conversation: it is stored without a hole. */
  readonly #fetching = new Map<string, Promise<boolean>>();

  constructor(
    private readonly store: Store,
    private readonly places: Places,
    private readonly calls: Calls,
    private readonly inbox: Inbox,
    private readonly deliveries: Deliveries,
    private readonly hooks: PastHooks,
  ) {}

  /** @returns whether there is more than before. Never rejects: what cannot be had now is had another time. */
  fetch(conversation: string, limit: number): Promise<boolean> {
    if (this.places.get(conversation).pastDone || !this.hooks.connected()) return Promise.resolve(false);
    let fetching = this.#fetching.get(conversation);
    if (!fetching) {
      fetching = this.#fetch(conversation, limit)
        .catch((error: unknown) => {
          this.hooks.debug({ what: 'the past was not fetched', conversation, error });
          return false;
        })
        .finally(() => this.#fetching.delete(conversation));
      this.#fetching.set(conversation, fetching);
    }
    return fetching;
  }

  async #fetch(conversation: string, limit: number): Promise<boolean> {
    const before = await this.#first(conversation);
    if (before === this.places.get(conversation).clearedTo + 1) {
      await this.#done(conversation);
      return false;
    }
    const request = { conversation, before: BigInt(before), limit: Math.min(Math.max(limit, least), most) };
    const { messages, more } = await this.calls.call('history.list', request, { timeoutMs });
    await this.inbox.run(async (tx) => {
      // The newest first: what is folded into another finds that other later, as it would have waited for it.
      for (const message of [...messages].reverse()) await this.deliveries.applyPast(message, tx);
      if (!more) tx.place(conversation).pastDone = true;
    });
    return messages.length > 0;
  }

  /** The first place that is stored; 0: none is. */
  async #first(conversation: string): Promise<number> {
    const [first] = await this.store.range({ ...ranges.messages(conversation, 0, Number.MAX_SAFE_INTEGER - 1), limit: 1 });
    return first ? (decodeStored(first[1]).head.gap?.from ?? seqOfKey(first[0])) : 0;
  }

  async #done(conversation: string): Promise<void> {
    await this.inbox.run((tx) => void (tx.place(conversation).pastDone = true));
  }
}
