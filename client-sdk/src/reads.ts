import { create, isRetry, publishTopics, ReadSchema, toBinary, type FillRandom } from 'godwit-schemas';
import { backoffMs } from './backoff.js';
import { refusalOf } from './calls.js';
import type { Controls } from './controls.js';
import type { Timing } from './options.js';
import { conversationOfKey, decodeRecord, encodeRecord, keys, ranges } from './records.js';
import type { Store } from './store.js';
import { Timer } from './wait.js';
import type { WriteQueue } from './write-queue.js';

interface Mark {
  /** Read up to here. */
  seq: number;
  /** The server has taken it up to here. */
  told: number;
  /** On its way, on the present connection. */
  flying?: boolean;
  refusals?: number;
}

export interface ReadHooks {
  readonly timing: Timing;
  readonly random: FillRandom;
  failed(error: unknown): void;
}

/** How far the app has read: kept here, and told to the server as soon as that can be. Of each conversation the newest wins. */
export class Reads {
  #marks = new Map<string, Mark>();
  #timer = new Timer();

  constructor(
    private readonly controls: Controls,
    private readonly writes: WriteQueue,
    private readonly hooks: ReadHooks,
  ) {}

  async load(store: Store): Promise<void> {
    for (const [key, record] of await store.range(ranges.reads)) {
      this.#marks.set(conversationOfKey(key), decodeRecord<Mark>(record).head);
    }
  }

  /** Resolves when it is kept: then it reaches the server, also after a restart. */
  async mark(conversation: string, seq: number): Promise<void> {
    const mark = this.#marks.get(conversation) ?? { seq: 0, told: 0 };
    if (seq <= mark.seq) return;
    mark.seq = seq;
    this.#marks.set(conversation, mark);
    const kept = this.#keep(conversation, mark);
    this.#publish(conversation);
    await kept;
  }

  /** How far this app has read. */
  seq(conversation: string): number {
    return this.#marks.get(conversation)?.seq ?? 0;
  }

  ready(): void {
    for (const conversation of this.#marks.keys()) this.#publish(conversation);
  }

  lost(): void {
    this.#timer.clear();
    for (const mark of this.#marks.values()) mark.flying = false;
  }

  #publish(conversation: string): void {
    const mark = this.#marks.get(conversation)!;
    const { seq } = mark;
    if (mark.flying || seq <= mark.told) return;
    const payload = toBinary(ReadSchema, create(ReadSchema, { seq: BigInt(seq) }));
    mark.flying = this.controls.publish(publishTopics.read(conversation), payload, (refusal) => {
      mark.flying = false;
      if (refusal && isRetry(refusal.code)) return this.#later(mark, refusal.retryAfterMs);
      // Refused for good: it would be again.
      if (refusal) this.hooks.failed(refusalOf(refusal));
      mark.refusals = 0;
      mark.told = seq;
      this.#keep(conversation, mark).catch(this.hooks.failed);
      this.#publish(conversation);
    });
  }

  #later(mark: Mark, retryAfterMs: number): void {
    const { backoffMinMs, backoffMaxMs } = this.hooks.timing;
    mark.refusals = (mark.refusals ?? 0) + 1;
    this.#timer.set(retryAfterMs || backoffMs(mark.refusals, backoffMinMs, backoffMaxMs, this.hooks.random), () => this.ready());
  }

  #keep(conversation: string, { seq, told }: Mark): Promise<void> {
    return this.writes.write([{ key: keys.read(conversation), value: encodeRecord({ seq, told }) }]);
  }
}
