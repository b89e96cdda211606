import type { ConversationState, ResponseOf } from 'godwit-schemas';
import type { Calls } from './calls.js';
import type { Inbox } from './inbox.js';
import type { Debug } from './options.js';
import type { Past } from './past.js';
import type { Places } from './places.js';
import { decodeRecord, encodeRecord, keys } from './records.js';
import type { Settings } from './settings.js';
import type { Store } from './store.js';
import type { Transaction } from './transaction.js';
import { readUpTo } from './unread.js';

/** Conversations whose newest messages a new device fetches; older ones are known once something is said there. */
const most = 100;
/** Messages of each. */
const page = 50;
/** Pages of 1,000 conversations, or half a megabyte, in which what is set is looked for. */
const mostPages = 20;
const timeoutMs = 10_000;

/** What is known: nothing, which conversations there are, or also what is set of them. A store of an earlier version knows no settings. */
type Known = 'nothing' | 'conversations' | 'all';

type Summaries = ResponseOf<'conversations.list'>['conversations'];

export interface ListingHooks {
  readonly user: string;
  readonly debug: Debug;
  connected(): boolean;
}

/**
 * What a new device has not been delivered: which conversations there are, how far they are read, what is set of them,
 * and their newest messages. Once in the life of a store; what is set is asked for again where the feed has a gap.
 */
export class Listing {
  #known: Known = 'nothing';
  /** Of the feed, in this run. */
  #gaps = 0;
  #running: Promise<void> | undefined;

  constructor(
    private readonly store: Store,
    private readonly places: Places,
    private readonly calls: Calls,
    private readonly inbox: Inbox,
    private readonly past: Past,
    private readonly settings: Settings,
    private readonly hooks: ListingHooks,
  ) {}

  async load(): Promise<void> {
    const record = await this.store.get(keys.listed);
    if (record) this.#known = decodeRecord<{ settings?: true }>(record).head.settings ? 'all' : 'conversations';
  }

  /** Resolves when it is known, or cannot be had now. Never rejects. */
  ensure(): Promise<void> {
    if (this.#known === 'all' || !this.hooks.connected()) return Promise.resolve();
    return (this.#running ??= this.#run()
      .catch((error: unknown) => this.hooks.debug({ what: 'the list of conversations was not fetched', error }))
      .finally(() => (this.#running = undefined)));
  }

  /** Connected: what is set may be another than was known. */
  ready(): void {
    if (this.#known === 'conversations') void this.ensure();
  }

  /** The feed has a gap: what was set meanwhile may be in it. */
  async missed(tx: Transaction): Promise<void> {
    this.#gaps++;
    if (await tx.get(keys.listed)) tx.put(keys.listed, encodeRecord({}));
    tx.after(() => {
      if (this.#known === 'all') this.#known = 'conversations';
      // What was asked for before may be older.
      void (this.#running ?? Promise.resolve()).then(() => this.ready());
    });
  }

  async #run(): Promise<void> {
    const at = this.settings.feedAt();
    const gaps = this.#gaps;
    const request = { timeoutMs };
    let { conversations, next } = await this.calls.call('conversations.list', { limit: most }, request);
    if (this.#known === 'nothing') {
      await this.#newest(conversations, at);
      await this.#learnt(() => false);
    } else {
      await this.#set(conversations, at);
    }
    for (let pages = 0; next !== '' && pages < mostPages; pages++) {
      ({ conversations, next } = await this.calls.call('conversations.list', { after: next }, request));
      await this.#set(conversations, at);
    }
    await this.#learnt(() => this.#gaps === gaps);
  }

  #learnt(settings: () => boolean): Promise<void> {
    return this.inbox.run((tx) => {
      const all = settings();
      tx.put(keys.listed, encodeRecord(all ? { settings: true } : {}));
      tx.after(() => (this.#known = all ? 'all' : 'conversations'));
    });
  }

  /** Those of which a new device has messages. */
  async #newest(conversations: Summaries, at: number): Promise<void> {
    for (const { conversation, read, unread, state } of conversations) {
      // Before its messages are there: what is read or cleared is not to be counted.
      await this.inbox.run(async (tx) => {
        const place = tx.place(conversation);
        place.ownRead = Math.max(place.ownRead, Number(read));
        await readUpTo(conversation, place.ownRead, this.hooks.user, tx);
        if (state) await this.settings.apply(state, at, tx);
      });
      await this.past.fetch(conversation, Math.max(page, Number(unread)));
    }
  }

  /** Of all others only what is set, or was; one that is pinned is shown, however old it is. */
  async #set(conversations: Summaries, at: number): Promise<void> {
    const states = conversations.flatMap(({ state }) => (state && (isSet(state) || isSet(this.places.get(state.conversation))) ? [state] : []));
    if (states.length === 0) return;
    await this.inbox.run(async (tx) => {
      for (const state of states) await this.settings.apply(state, at, tx);
    });
    for (const { conversation, pinned } of states) if (pinned && this.places.get(conversation).last === 0) await this.past.fetch(conversation, page);
  }
}

function isSet({ mutedUntilMs, archived, pinned, clearedTo }: Pick<ConversationState, 'archived' | 'pinned'> & Record<'mutedUntilMs' | 'clearedTo', number | bigint>): boolean {
  return archived || pinned || mutedUntilMs > 0 || clearedTo > 0;
}
