import { Code, GodwitError } from 'godwit-schemas';
import type { SentState, Tick } from './events.js';
import { abortable, Deferred } from './wait.js';

/** An own message on its way: `queued` → `sent` → `delivered` → `read`, or `failed`. Listen to `state` events to follow it. */
export interface Sent {
  /**
   * A ULID of 26 letters; the id that the recipients see. It is there before anything is written: nothing is, until the
   * code that called `send` has come to its next `await`. What an app notes of it before that (in a file, synchronously)
   * is there whenever the message is, whatever the process dies of.
   */
  readonly id: string;
  readonly conversation: string;
  /** What it says, where that is text: while it is queued or has failed. From `sent` on it is among the messages. */
  readonly text: string | undefined;
  /**
   * `queued`: kept here, and goes out by itself, also after a restart. `sent`: durable at the server. `delivered`,
   * `read`: by everyone else in the conversation. `failed`: refused for good, or it could not be kept: see `error`.
   */
  readonly state: SentState;
  /** Its place in the conversation, from `sent` on. */
  readonly seq: number | undefined;
  /** Server clock, Unix milliseconds, from `sent` on. */
  readonly sentAtMs: number | undefined;
  /** Seconds after which it disappears everywhere; 0 = never. */
  readonly expiresInS: number;
  /** Why it failed. */
  readonly error: GodwitError | undefined;
  /**
   * Resolves once it is at least that far; `queued`: once it is kept, so that it goes out also after a restart. It may
   * wait for long: for the network, for the other's phone.
   * @throws GodwitError the refusal when it fails; UNAVAILABLE when the client is closed; NOT_ALLOWED for a note to
   * self, which nobody else receives. The signal's reason when that aborts: the message still goes out.
   */
  until(state: 'queued' | Tick, options?: { signal?: AbortSignal }): Promise<Sent>;
  /** Sends a failed message again, under the same id, behind what is queued. Resolves when it is kept. @throws GodwitError CONFLICT when it has not failed. */
  retry(): Promise<void>;
  /** Forgets a failed message. @throws GodwitError CONFLICT when it has not failed. */
  discard(): Promise<void>;
}

const ranks: Record<SentState, number> = { failed: -1, queued: 0, sent: 1, delivered: 2, read: 3 };

export interface SentHooks {
  /** Someone waits for this message again. */
  watch(sent: SentMessage): void;
  text(sent: SentMessage): string | undefined;
  retry(sent: SentMessage): Promise<void>;
  discard(sent: SentMessage): Promise<void>;
}

interface Waiter {
  rank: number;
  deferred: Deferred<Sent>;
}

export class SentMessage implements Sent {
  state: SentState = 'queued';
  seq: number | undefined;
  sentAtMs: number | undefined;
  error: GodwitError | undefined;
  #waiters = new Set<Waiter>();
  #kept = false;

  constructor(
    readonly id: string,
    readonly conversation: string,
    private readonly hooks: SentHooks,
    private readonly noReceipts: boolean,
    readonly expiresInS: number,
  ) {}

  /** Its ticks depend on when the floor came. */
  get disappears(): boolean {
    return this.expiresInS !== 0;
  }

  get text(): string | undefined {
    return this.hooks.text(this);
  }

  until(state: 'queued' | Tick, { signal }: { signal?: AbortSignal } = {}): Promise<Sent> {
    if (this.noReceipts && ranks[state] > ranks.sent) return Promise.reject(new GodwitError(Code.NOT_ALLOWED, 'a note to self has no receipts'));
    this.hooks.watch(this);
    if (this.state === 'failed') return Promise.reject(this.error!);
    const rank = ranks[state];
    if (ranks[this.state] >= rank && (rank > 0 || this.#kept || ranks[this.state] > 0)) return Promise.resolve(this);
    const waiter: Waiter = { rank, deferred: new Deferred() };
    this.#waiters.add(waiter);
    return abortable(waiter.deferred.promise, signal).finally(() => this.#waiters.delete(waiter));
  }

  retry(): Promise<void> {
    return this.hooks.retry(this);
  }

  discard(): Promise<void> {
    return this.hooks.discard(this);
  }

  get awaited(): boolean {
    return this.#waiters.size > 0;
  }

  /** It is in the store. */
  keep(): void {
    this.#kept = true;
    this.#reached(0);
  }

  accepted(seq: number, sentAtMs: number): void {
    this.seq = seq;
    this.sentAtMs = sentAtMs;
    this.error = undefined;
    this.advance('sent');
  }

  /** Never moves back. True if it moved. */
  advance(state: Tick): boolean {
    if (ranks[this.state] >= ranks[state]) return false;
    this.state = state;
    this.#reached(ranks[state]);
    return true;
  }

  fail(error: GodwitError): void {
    this.state = 'failed';
    this.error = error;
    this.abandon(error);
  }

  queueAgain(): void {
    this.state = 'queued';
    this.#kept = false;
    this.error = undefined;
  }

  /** Nobody will tell any more. */
  abandon(error: GodwitError): void {
    for (const { deferred } of this.#waiters) deferred.reject(error);
  }

  #reached(reached: number): void {
    for (const { rank, deferred } of this.#waiters) if (rank <= reached) deferred.resolve(this);
  }
}

const kept = 10_000;

/** The handles that are told of ticks: the newest 10,000, and those that somebody waits for. */
export class Handles {
  #live = new Map<string, SentMessage>();

  add(sent: SentMessage): void {
    this.#live.set(sent.id, sent);
    if (this.#live.size <= kept) return;
    for (const old of this.#live.values()) {
      if (old.awaited) continue;
      this.#live.delete(old.id);
      return;
    }
  }

  get(id: string): SentMessage | undefined {
    return this.#live.get(id);
  }

  values(): Iterable<SentMessage> {
    return this.#live.values();
  }

  remove(sent: SentMessage): void {
    this.#live.delete(sent.id);
  }

  abandon(error: GodwitError): void {
    for (const sent of this.#live.values()) sent.abandon(error);
  }
}
