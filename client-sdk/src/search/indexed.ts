import MiniSearch from 'minisearch';
import { wordsOf } from './words.js';

/** Where a message is, and when it was sent: server clock, Unix milliseconds. */
export interface Hit {
  readonly conversation: string;
  readonly seq: number;
  readonly at: number;
}

/** What of a conversation is in the index: everything with words from `oldest` to `newest`. */
export interface Span {
  readonly conversation: string;
  newest: number;
  /** Before this place it is read on; undefined: from the end on. */
  oldest: number | undefined;
  /** When that was sent, or a later time. */
  oldestAt: number;
  /** Nothing lies before. */
  done: boolean;
  /** Place and time of what is held. */
  readonly held: Map<number, number>;
}

const idOf = (conversation: string, seq: number): string => `${conversation}/${seq}`;

/** The words of messages, and how far each conversation is read. */
export class Indexed {
  readonly #spans = new Map<string, Span>();
  /** One letter begins too many words: it stands for itself. */
  readonly #index = new MiniSearch<Hit & { id: string; text: string }>({
    fields: ['text'],
    storeFields: ['conversation', 'seq', 'at'],
    tokenize: wordsOf,
    processTerm: (word) => word,
    searchOptions: { combineWith: 'AND', prefix: (word, i, words) => i === words.length - 1 && word.length > 1 },
  });

  /** @param most messages that are held; with a tenth more, the oldest are let go. */
  constructor(private readonly most: number) {}

  span(conversation: string): Span | undefined {
    return this.#spans.get(conversation);
  }

  /** A conversation of which nothing is read. */
  begin(conversation: string, newest: number, newestAt: number): void {
    this.#spans.set(conversation, { conversation, newest, oldest: undefined, oldestAt: newestAt, done: false, held: new Map() });
  }

  /** Where to read on: the conversation whose next message is the newest; undefined when all is read, or as much as is held. */
  next(): Span | undefined {
    if (this.#index.documentCount >= this.most) return undefined;
    let next: Span | undefined;
    for (const span of this.#spans.values()) if (!span.done && (!next || span.oldestAt > next.oldestAt)) next = span;
    return next;
  }

  /** @param text undefined: it has no words any more. */
  put(span: Span, seq: number, at: number, text: string | undefined): void {
    const { conversation, held } = span;
    if (!text) return this.drop(span, seq);
    const message = { id: idOf(conversation, seq), conversation, seq, at, text };
    if (held.has(seq)) this.#index.replace(message);
    else this.#index.add(message);
    held.set(seq, at);
    if (this.#index.documentCount > this.most * 1.1) this.#letGo();
  }

  drop({ conversation, held }: Span, seq: number): void {
    if (held.delete(seq)) this.#index.discard(idOf(conversation, seq));
  }

  /** Those with all of the words, the newest first. */
  find(words: string, conversation: string | undefined): Hit[] {
    const found = this.#index.search(words, conversation === undefined ? {} : { filter: (hit) => hit.conversation === conversation });
    return found.map(({ conversation, seq, at }) => ({ conversation, seq, at }) as Hit).sort((a, b) => b.at - a.at || b.seq - a.seq);
  }

  clear(): void {
    this.#spans.clear();
    this.#index.removeAll();
  }

  #letGo(): void {
    const held = [...this.#spans.values()].flatMap((span) => Array.from(span.held, ([seq, at]) => ({ span, seq, at })));
    held.sort((a, b) => a.at - b.at);
    for (const { span, seq, at } of held.slice(0, held.length - this.most)) {
      this.drop(span, seq);
      // To be read again when there is room.
      Object.assign(span, { oldest: Math.max(span.oldest ?? 0, seq + 1), oldestAt: at, done: false });
    }
  }
}
