/** Events that a stream holds before messages wait for it, and the passing ones (typing, presence) are dropped. */
const capacity = 1_000;

const passing: ReadonlySet<string> = new Set(['typing', 'presence']);

interface Held<E> {
  event: E;
  done: () => void;
}

/** Events as an async iterable. Leaving the loop, or aborting the signal, ends it. */
export class EventStream<E extends { readonly type: string }> implements AsyncIterableIterator<E> {
  #held: Held<E>[] = [];
  /** What the consumer has in hand: dealt with once it asks for the next. */
  #inHand: Held<E> | undefined;
  #waiting: ((result: IteratorResult<E>) => void)[] = [];
  #ended = false;
  #onAbort = (): void => this.#end();

  constructor(
    private readonly types: ReadonlySet<string> | undefined,
    private readonly signal: AbortSignal | undefined,
    private readonly told: { drained: () => void; ended: () => void },
  ) {
    if (signal?.aborted) this.#ended = true;
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get ended(): boolean {
    return this.#ended;
  }

  get full(): boolean {
    return this.#held.length >= capacity;
  }

  takes(type: string): boolean {
    return this.types === undefined || this.types.has(type);
  }

  push(event: E, done: () => void): void {
    const next = this.#waiting.shift();
    if (next) {
      this.#release();
      this.#inHand = { event, done };
      next({ value: event, done: false });
    } else if (this.full && passing.has(event.type)) {
      done();
    } else {
      this.#held.push({ event, done });
    }
  }

  next(): Promise<IteratorResult<E>> {
    this.#release();
    const wasFull = this.full;
    const held = this.#held.shift();
    if (held) {
      this.#inHand = held;
      if (wasFull) this.told.drained();
      return Promise.resolve({ value: held.event, done: false });
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The consumer leaves: what it did not look at is its choice. */
  return(): Promise<IteratorResult<E>> {
    this.#release();
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** The client closes: what is held was not handed over, and is again at the next start. */
  close(): void {
    this.#held = [];
    this.#inHand = undefined;
    this.#end();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #release(): void {
    const had = this.#inHand;
    this.#inHand = undefined;
    had?.done();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.signal?.removeEventListener('abort', this.#onAbort);
    this.told.ended();
    const held = this.#held;
    this.#held = [];
    for (const { done } of held) done();
    for (const resolve of this.#waiting.splice(0)) resolve({ value: undefined, done: true });
    if (held.length >= capacity) this.told.drained();
  }
}
