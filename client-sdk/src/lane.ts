import type { SentMessage } from './sent.js';
import type { Connection } from './transport.js';

/** What is kept of a message that waits in the outbox. */
export interface QueuedHead {
  /** 26 letters. */
  id: string;
  conversation: string;
  kind: 'content' | 'bare';
  /** Bits of Message.flags. */
  flags: number;
  expiresInS: number;
  /** Refused for good. */
  failed?: { code: number; text: string };
}

/** A message in the outbox. */
export interface Item {
  /** Its key in the store, and its order among all. */
  order: number;
  head: QueuedHead;
  /** The encoded Content, or the plain bytes of a bare message. */
  bytes: Uint8Array;
  sent: SentMessage;
  /**
   * `saving`: not yet in the store. `waiting`: to be published. `flying`: published on `attempt`, no answer yet.
   * `answered`: accepted or refused for good, not yet stored as such.
   */
  phase: 'saving' | 'waiting' | 'flying' | 'answered';
  attempt?: Connection;
  /** Refusals that were worth a retry, in a row. */
  refusals: number;
  /** The server cannot have had it before this, on the monotonic clock; undefined when an earlier run may have published it. */
  askedAt?: number;
}

/**
 * The queue of one conversation. It is published in order; after a refusal that is worth a retry, everything from the
 * refused message on goes again, once every answer of the present attempts is in (the server refuses the later ones
 * alike until the refused id comes again).
 */
export class Lane {
  #items: Item[] = [];
  #next = 0;
  #flying = 0;
  #rewound = false;
  #resumeAt = 0;

  get empty(): boolean {
    return this.#items.length === 0;
  }

  /** When a refused lane may go on, on the monotonic clock; 0 = now. */
  get resumeAt(): number {
    return this.#resumeAt;
  }

  add(item: Item): void {
    this.#items.push(item);
  }

  /** The item to publish now; undefined when there is none, or it has to wait. */
  peek(nowMs: number): Item | undefined {
    if (nowMs < this.#resumeAt || (this.#rewound && this.#flying > 0)) return undefined;
    while (this.#items[this.#next]?.phase === 'answered') this.#next++;
    const item = this.#items[this.#next];
    return item?.phase === 'waiting' ? item : undefined;
  }

  /** What `peek` gave is published now. */
  published(item: Item, attempt: Connection): void {
    item.phase = 'flying';
    item.attempt = attempt;
    this.#rewound = false;
    this.#flying++;
    this.#next++;
  }

  /** The PUBACK of an attempt on the present connection is in. */
  landed(): void {
    this.#flying--;
  }

  /** Refused, to be published again at that time, and everything behind it. */
  rewind(item: Item, resumeAt: number): void {
    item.phase = 'waiting';
    this.#next = Math.min(this.#next, this.#items.indexOf(item));
    this.#rewound = true;
    this.#resumeAt = Math.max(this.#resumeAt, resumeAt);
  }

  /** The connection is lost: what has no answer goes again. */
  reset(): void {
    for (const item of this.#items) if (item.phase === 'flying') item.phase = 'waiting';
    this.#next = 0;
    this.#flying = 0;
    this.#rewound = false;
  }

  /** The answer could not be stored: ask again. */
  unanswered(item: Item): void {
    item.phase = 'waiting';
    this.#next = Math.min(this.#next, Math.max(0, this.#items.indexOf(item)));
  }

  remove(item: Item): void {
    const at = this.#items.indexOf(item);
    if (at < 0) return;
    this.#items.splice(at, 1);
    if (at < this.#next) this.#next--;
  }
}
