import type { Client } from './client-interface.js';
import { conversationOf } from './compose.js';
import type { EventMap, Message, StateChange, Tick } from './events.js';
import { errorOf, LiveSource, type Live } from './live.js';
import type { Shown } from './stored-message.js';
import { Timer } from './wait.js';

/** Places that are held; what is older is let go when more comes, and not paged back to. */
const most = 10_000;
/** Milliseconds: devices sleep, and clocks are set. */
const longestMs = 3_600_000;
const ticks: readonly Tick[] = ['sent', 'delivered', 'read'];

/** How much is read at a time. */
export interface LiveMessagesOptions {
  /** Places in a page. Default 50. */
  readonly pageSize?: number;
}

/** What is loaded of a conversation at a moment. */
export interface MessageList {
  /**
   * The oldest first: messages as they now are, gaps, and what could not be decoded. One that has not changed is the same
   * object. What is not accepted yet is in `client.outbox()`.
   */
  readonly messages: readonly Shown[];
  /** It is being read. */
  readonly loading: boolean;
  /** There may be older ones. False when the last page was short while connected, and with 10,000 places. */
  readonly more: boolean;
  /** Why it could not be read. */
  readonly error?: Error;
}

/** The messages of a conversation, live, from the newest page on. */
export interface LiveMessages extends Live<MessageList> {
  /** Pages back: from the store, and from the server what is not there. Resolves when that is done; why it was not, the snapshot says. While nobody subscribes it does nothing. */
  readonly loadMore: () => Promise<void>;
}

/**
 * The messages of a conversation, live: new ones, own ones once they are accepted, edits, reactions, deletions, ticks;
 * what disappears or is cleared goes. Works alike with the client that tabs share.
 * @param conversation a user, or a conversation's name.
 * @throws GodwitError MALFORMED when it is neither.
 */
export function liveMessages(client: Client, conversation: string, options: LiveMessagesOptions = {}): LiveMessages {
  return new Messages(client, conversationOf(client.user, conversation), options.pageSize ?? 50);
}

class Messages extends LiveSource<MessageList> implements LiveMessages {
  /** In the order of their places. */
  #items: Shown[] = [];
  #more = true;
  #loading = true;
  #error: Error | undefined;
  /** What came while a page was read: it may be newer than the page. */
  #missed: (() => void)[] = [];
  /** Pages are read one after the other. */
  #reading: Promise<void> = Promise.resolve();
  #paging: Promise<void> | undefined;
  /** Places of own messages that were accepted. */
  #accepted: number[] = [];
  /** Which subscription: what an earlier one has asked for is not wanted any more. 0: nobody subscribes. */
  #turn = 0;
  #turns = 0;
  #timer = new Timer();

  constructor(
    private readonly client: Client,
    private readonly conversation: string,
    private readonly pageSize: number,
  ) {
    super();
  }

  readonly loadMore = (): Promise<void> => (this.#paging ??= this.#read(false).finally(() => (this.#paging = undefined)));

  protected override made(): MessageList {
    const now = this.client.serverTimeMs();
    const messages = this.#items.filter((one) => expiryOf(one) > now);
    const next = messages.reduce((soonest, one) => Math.min(soonest, expiryOf(one)), Infinity);
    if (this.#turn && next < Infinity) this.#timer.set(Math.min(next - now + 1, longestMs), () => this.changed());
    return { messages, loading: this.#loading, more: this.#more && this.#items.length < most, ...(this.#error && { error: this.#error }) };
  }

  protected override started(): (() => void)[] {
    this.#turn = ++this.#turns;
    const { client } = this;
    const stops = [
      ...(['message', 'gap', 'undecodable'] as const).map((type) => client.on(type, (one: EventMap[typeof type]) => this.#on(one, () => this.#put(one)))),
      client.on('changed', (change) => this.#on(change, () => this.#replace(change.message.seq, () => change.message))),
      client.on('cleared', (cleared) => this.#on(cleared, () => this.#clear(cleared.to))),
      client.on('state', (change) => void (change.seq !== undefined && this.#on(change, () => this.#moved(change)))),
      // What lies before can be fetched now; and of tabs, a leader that has ended may not have told all.
      client.on('connection', ({ state }) => void (state === 'connected' && this.#read(true))),
      () => {
        this.#turn = 0;
        this.#timer.clear();
      },
    ];
    void this.#read(true);
    return stops;
  }

  #on(event: EventMap['message' | 'gap' | 'undecodable' | 'changed' | 'cleared' | 'state'], apply: () => void): void {
    const { conversation } = event.type === 'undecodable' ? (event.message ?? { conversation: '' }) : event;
    if (conversation !== this.conversation) return;
    if (this.#loading) this.#missed.push(apply);
    apply();
    this.changed();
  }

  #put(one: Shown): void {
    const items = this.#items;
    const seq = placeOf(one);
    let i = items.length;
    while (i > 0 && placeOf(items[i - 1]) > seq) i--;
    if (i > 0 && placeOf(items[i - 1]) === seq) items[i - 1] = one;
    // Before the first there may be others, which are not loaded.
    else if (i > 0 || items.length === 0 || !this.#more) items.splice(i, 0, one);
    if (items.length <= most) return;
    items.shift();
    this.#more = true;
  }

  #replace(seq: number, by: (message: Message) => Message): void {
    const i = this.#items.findLastIndex((one) => placeOf(one) === seq);
    const one = this.#items[i];
    const message = one?.type === 'undecodable' ? one.message : one;
    if (message?.type === 'message') this.#items[i] = by(message);
  }

  #clear(to: number): void {
    if (this.#items.length > 0 && placeOf(this.#items[0]) > to) return;
    this.#items = this.#items.filter((one) => placeOf(one) > to);
    this.#more = false;
  }

  #moved({ state, seq }: StateChange): void {
    if (state === 'sent') this.#accept(seq!);
    else if (state === 'delivered' || state === 'read') {
      this.#replace(seq!, (message) => (ticks.indexOf(state) > ticks.indexOf(message.tick ?? 'sent') ? { ...message, tick: state } : message));
    }
  }

  /** What an own message says is in the store now. Of many that are accepted at once it is read once. */
  #accept(seq: number): void {
    if (this.#accepted.push(seq) > 1) return;
    const turn = this.#turn;
    queueMicrotask(() => {
      const seqs = this.#accepted.splice(0);
      const [first, last] = [Math.min(...seqs), Math.max(...seqs)];
      this.client.messages(this.conversation, { before: last + 1, limit: last - first + 1, stored: true }).then(
        (page) => {
          if (turn === this.#turn) for (const one of page) if (placeOf(one) >= first) this.#on(one, () => this.#put(one));
        },
        (error) => this.#failed(turn, error),
      );
    });
  }

  /** @param anew the newest, as many as there are; else what lies before them. */
  #read(anew: boolean): Promise<void> {
    return (this.#reading = this.#reading.then(() => this.#page(anew)));
  }

  async #page(anew: boolean): Promise<void> {
    const [turn, held] = [this.#turn, this.#items.length];
    if (!turn || (!anew && (!this.#more || held >= most))) return;
    const limit = anew ? Math.max(held, this.pageSize) : this.pageSize;
    const connected = this.client.connection === 'connected';
    this.#loading = true;
    this.#missed = [];
    this.changed();
    try {
      const page = await this.client.messages(this.conversation, { limit, ...(!anew && held > 0 && { before: beginOf(this.#items[0]) }) });
      if (turn !== this.#turn) return;
      this.#items = anew ? [...page] : [...page, ...this.#items];
      this.#more = page.length === limit || !connected;
      this.#error = undefined;
      for (const apply of this.#missed) apply();
    } catch (error) {
      this.#failed(turn, error);
    } finally {
      if (turn === this.#turn) this.#loading = false;
      this.changed();
    }
  }

  #failed(turn: number, error: unknown): void {
    if (turn === this.#turn) this.#error = errorOf(error);
    this.changed();
  }
}

/** The place at which it stands; of a gap the last. */
function placeOf(one: Shown): number {
  return one.type === 'gap' ? one.to : one.type === 'undecodable' ? (one.message?.seq ?? 0) : one.seq;
}

function beginOf(one: Shown): number {
  return one.type === 'gap' ? one.from : placeOf(one);
}

function expiryOf(one: Shown): number {
  return (one.type === 'message' && one.expiresAtMs) || Infinity;
}
