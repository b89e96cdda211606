import { Code, GodwitError } from 'godwit-schemas';
import type { Client } from '../client-interface.js';
import { conversationOf } from '../compose.js';
import type { ConversationInfo, Message } from '../events.js';
import type { Shown } from '../stored-message.js';
import type { FindOptions, Search, SearchSource } from './index.js';
import { Indexed, type Span } from './indexed.js';
import { readable, wordsOf } from './words.js';

/** Messages read from the store at a time. */
const page = 200;
/** Hits looked at in the store at a time. */
const atATime = 20;

/**
 * The index is made of the store, and not stored itself: it would have to change with every message in the same
 * transaction, and be as well kept as the messages are. What is found is read from the store once more, so nothing is
 * shown that is not there any more.
 */
export class LocalSearch implements Search {
  readonly #indexed: Indexed;
  readonly #text: (message: Message) => string | undefined;
  #stops: (() => void)[] | undefined;
  /** One after the other. */
  #reading: Promise<unknown> = Promise.resolve();
  /** What has changed while messages were read: what was read may be older. */
  #changes: Message[] | undefined;
  #closed = false;

  constructor(
    private readonly client: Client,
    { text = readable, most = 50_000 }: SearchSource,
  ) {
    this.#text = text;
    this.#indexed = new Indexed(most);
  }

  async find(words: string, { conversation: name, limit = 20, before = Infinity }: FindOptions = {}): Promise<Message[]> {
    const conversation = name === undefined ? undefined : conversationOf(this.client.user, name);
    await (this.#reading = this.#reading.then(() => this.#read(), () => this.#read()));
    if (wordsOf(words).length === 0) return [];
    const hits = this.#indexed.find(words, conversation).filter(({ at }) => at < before);
    const found: Message[] = [];
    for (let from = 0; found.length < limit && from < hits.length; from += atATime) {
      found.push(...(await Promise.all(hits.slice(from, from + atATime).map((hit) => this.#one(hit)))).flat());
    }
    return found.slice(0, limit);
  }

  close(): void {
    this.#closed = true;
    for (const stop of this.#stops?.splice(0) ?? []) stop();
    this.#indexed.clear();
  }

  /** Brings the index to where the store is. */
  async #read(): Promise<void> {
    if (this.#closed) throw new GodwitError(Code.UNAVAILABLE, 'the search is closed');
    this.#stops ??= this.#listen();
    this.#changes = [];
    for (const info of await this.client.conversations()) await this.#newer(info);
    for (let span = this.#indexed.next(); span; span = this.#indexed.next()) await this.#older(span);
    for (const message of this.#changes) this.#changed(message);
    this.#changes = undefined;
  }

  #listen(): (() => void)[] {
    const { client } = this;
    const of = (conversation: string, change: (span: Span) => void): void => {
      const span = this.#indexed.span(conversation);
      if (span) change(span);
    };
    return [
      // What was fetched from the past, perhaps.
      client.on('conversation', ({ conversation }) => of(conversation, (span) => (span.done = false))),
      // An own message may be accepted behind one that was there before.
      client.on('state', ({ state, conversation, seq }) => {
        if (state === 'sent') of(conversation, (span) => (span.newest = Math.min(span.newest, seq! - 1)));
      }),
      client.on('changed', ({ message }) => {
        this.#changes?.push(message);
        this.#changed(message);
      }),
      client.on('cleared', ({ conversation, to }) => {
        of(conversation, (span) => {
          for (const seq of [...span.held.keys()]) if (seq <= to) this.#indexed.drop(span, seq);
        });
      }),
    ];
  }

  async #newer({ conversation, last }: ConversationInfo): Promise<void> {
    const span = this.#indexed.span(conversation);
    if (!span) return this.#indexed.begin(conversation, last?.seq ?? 0, last?.sentAtMs ?? Infinity);
    if (!last || last.seq <= span.newest) return;
    const had = span.newest;
    for (let before: number | undefined, read: Shown[] = []; before === undefined || (read.length === page && before > had + 1); before = placeOf(read[0])) {
      read = await this.#stored(conversation, before, page);
      for (const one of read) if (placeOf(one) > had) this.#put(span, one);
      if (read.length === 0) break;
    }
    // Unless an own message was accepted meanwhile.
    if (span.newest === had) span.newest = last.seq;
  }

  async #older(span: Span): Promise<void> {
    const read = await this.#stored(span.conversation, span.oldest, page);
    span.done = read.length < page;
    if (read.length === 0) return;
    const [first] = read;
    span.oldest = placeOf(first);
    if (first.type === 'message') span.oldestAt = first.sentAtMs;
    for (const one of read) this.#put(span, one);
  }

  #changed(message: Message): void {
    const span = this.#indexed.span(message.conversation);
    // What is not read yet will be.
    if (span?.oldest !== undefined && message.seq >= span.oldest && message.seq <= span.newest) this.#put(span, message);
  }

  #put(span: Span, one: Shown): void {
    if (one.type === 'message') this.#indexed.put(span, one.seq, one.sentAtMs, one.content.kind === 'deleted' ? undefined : this.#text(one));
  }

  /** As it now is; nothing when it is not there any more. */
  async #one({ conversation, seq }: { conversation: string; seq: number }): Promise<Message[]> {
    const [one] = await this.#stored(conversation, seq + 1, 1);
    if (one?.type === 'message' && one.seq === seq && one.content.kind !== 'deleted') return [one];
    const span = this.#indexed.span(conversation);
    if (span) this.#indexed.drop(span, seq);
    return [];
  }

  #stored(conversation: string, before: number | undefined, limit: number): Promise<Shown[]> {
    return this.client.messages(conversation, { ...(before !== undefined && { before }), limit, stored: true });
  }
}

/** The place before which the next page lies. */
function placeOf(one: Shown): number {
  return one.type === 'gap' ? one.to : one.type === 'undecodable' ? (one.message?.seq ?? 0) : one.seq;
}
