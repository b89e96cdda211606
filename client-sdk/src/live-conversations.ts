import type { Client } from './client-interface.js';
import type { ConversationInfo } from './events.js';
import { errorOf, LiveSource, type Live } from './live.js';

/** Which conversations. */
export interface LiveConversationsOptions {
  /** Only those that are archived, or only those that are not; left out: both. */
  readonly archived?: boolean;
}

/** The list of conversations at a moment. */
export interface ConversationList {
  /** Those that are pinned first, then those with the newest last message. One that has not changed is the same object. */
  readonly conversations: readonly ConversationInfo[];
  /** It is being read. */
  readonly loading: boolean;
  /** Why it could not be read. */
  readonly error?: Error;
}

/**
 * The conversations of a client, live: they follow messages, reading, and what is set of them, on whichever device.
 * Works alike with the client that tabs share.
 */
export function liveConversations(client: Client, options: LiveConversationsOptions = {}): Live<ConversationList> {
  return new LiveConversations(client, options);
}

class LiveConversations extends LiveSource<ConversationList> {
  #known = new Map<string, ConversationInfo>();
  /** What was told while the list was read: it is newer, or something newer follows. */
  #news: Map<string, ConversationInfo> | undefined;
  #turn = 0;
  #loading = true;
  #error: Error | undefined;

  constructor(
    private readonly client: Client,
    private readonly options: LiveConversationsOptions,
  ) {
    super();
  }

  protected override made(): ConversationList {
    const { archived } = this.options;
    const conversations = [...this.#known.values()].filter((info) => archived === undefined || info.archived === archived).sort(byRank);
    return { conversations, loading: this.#loading, ...(this.#error && { error: this.#error }) };
  }

  protected override started(): (() => void)[] {
    const stops = [
      this.client.on('conversation', ({ type: _, ...info }) => {
        this.#news?.set(info.conversation, info);
        this.#known.set(info.conversation, info);
        this.changed();
      }),
      // Of tabs, a leader that has ended may not have told all.
      this.client.on('connection', ({ state }) => void (state === 'connected' && this.#load())),
      () => void this.#turn++,
    ];
    void this.#load();
    return stops;
  }

  async #load(): Promise<void> {
    const turn = ++this.#turn;
    const news = (this.#news = new Map<string, ConversationInfo>());
    let error: Error | undefined;
    const list = await this.client.conversations().catch((thrown: unknown) => void (error = errorOf(thrown)));
    if (turn !== this.#turn) return;
    if (list) this.#known = new Map([...list.map((info) => [info.conversation, info] as const), ...news]);
    this.#news = undefined;
    this.#error = error;
    this.#loading = false;
    this.changed();
  }
}

function byRank(a: ConversationInfo, b: ConversationInfo): number {
  return Number(b.pinned) - Number(a.pinned) || (b.last?.sentAtMs ?? 0) - (a.last?.sentAtMs ?? 0) || (a.conversation < b.conversation ? -1 : 1);
}
