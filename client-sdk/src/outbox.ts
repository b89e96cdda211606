import { Code, codeName, create, GodwitError, isRetry, MESSAGE_BYTES, MessageSchema, peerOf, publishTopics, ResultSchema, toBinary, type FillRandom, type MessageShape } from 'godwit-schemas';
import { backoffMs } from './backoff.js';
import { sealBody } from './body.js';
import type { Cipher } from './cipher.js';
import { idBytes, idText } from './ids.js';
import { Lane, type Item, type QueuedHead } from './lane.js';
import type { Debug, Timing } from './options.js';
import type { OutboxStore } from './outbox-store.js';
import type { Transaction } from './transaction.js';
import type { Connection } from './transport.js';
import { monotonicMs, Timer } from './wait.js';

export type Result = MessageShape<typeof ResultSchema>;

export interface OutboxHooks {
  readonly user: string;
  readonly cipher: Cipher;
  readonly timing: Timing;
  readonly random: FillRandom;
  readonly debug: Debug;
  /** Runs what changes the store. */
  run(apply: (tx: Transaction) => Promise<void> | void): Promise<void>;
  failed(error: unknown): void;
  /** A publish is on its way: an answer is waited for. */
  expecting(): void;
  /** A PUBACK came without a result: the session does not take results. */
  noResult(): void;
  /** A result has the server's time, of some moment after `askedAt` (monotonic clock). */
  measured(serverMs: number, askedAt: number): void;
}

/** Accepted publishes after which a window that a refusal has narrowed is doubled. */
const calm = 4;

/**
 * Messages on their way out: kept before they are published, in order for each conversation, a window of them at a
 * time; gone from here when the store says that they are sent or failed. The result decides, not the PUBACK.
 */
export class Outbox {
  #items = new Map<string, Item>();
  /** Turns: the lane that published last stands last. */
  #lanes = new Map<string, Lane>();
  #connection: Connection | undefined;
  #flying = 0;
  #window: number;
  #accepted = 0;
  #pausedUntil = 0;
  #timer = new Timer();
  #pumping = false;
  #again = false;

  constructor(
    private readonly hooks: OutboxHooks,
    private readonly kept: OutboxStore,
    private readonly widest: number,
  ) {
    this.#window = widest;
  }

  /** Takes in what is or will be kept: published once its phase is `waiting`. */
  add(item: Item): void {
    this.#items.set(item.head.id, item);
    this.#lane(item).add(item);
  }

  /** It is kept now. */
  saved(item: Item): void {
    item.phase = 'waiting';
    item.askedAt = monotonicMs();
    item.sent.keep();
    this.pump();
  }

  /** It could not be kept. */
  drop(item: Item): void {
    this.#remove(item);
    this.pump();
  }

  /** Publishes may be waiting for an answer. */
  get waiting(): boolean {
    return this.#flying > 0;
  }

  ready(connection: Connection): void {
    this.#connection = connection;
    this.pump();
  }

  lost(): void {
    this.#connection = undefined;
    this.#flying = 0;
    this.#timer.clear();
    for (const lane of this.#lanes.values()) lane.reset();
  }

  /** A result has arrived. What is returned changes the store. */
  arrived(result: Result, connection: Connection): ((tx: Transaction) => Promise<void> | void) | undefined {
    const item = this.#items.get(idText(result.id));
    if (!item || item.phase === 'answered' || item.phase === 'saving') return undefined;
    if (result.code === Code.OK) {
      item.phase = 'answered';
      if (item.askedAt !== undefined) this.hooks.measured(Number(result.sentAtMs), item.askedAt);
      if (++this.#accepted >= calm) {
        this.#accepted = 0;
        this.#window = Math.min(this.widest, this.#window * 2);
      }
      return (tx) => {
        tx.undo(() => this.#askAgain(item));
        tx.after(() => this.#remove(item));
        return this.kept.accepted(item, Number(result.seq), Number(result.sentAtMs), tx);
      };
    }
    // The refusal of an earlier attempt: the present one is answered anew.
    if (item.attempt !== connection || item.phase !== 'flying') return undefined;
    if (isRetry(result.code)) {
      this.#hold(item, result.code, result.retryAfterMs);
      return undefined;
    }
    return this.#refuse(item, new GodwitError(result.code, result.text || undefined));
  }

  /** Publishes what may be published now. */
  pump(): void {
    this.#again = true;
    if (!this.#pumping) void this.#pump();
  }

  stop(): void {
    this.lost();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (this.#again) {
      this.#again = false;
      while (await this.#publishNext());
    }
    this.#pumping = false;
  }

  /** False when nothing can be published now. */
  async #publishNext(): Promise<boolean> {
    const connection = this.#connection;
    if (!connection || this.#flying >= this.#window) return false;
    const found = this.#next();
    if (!found) return false;
    const { item, lane } = found;
    const message = await this.#seal(item);
    if (message === undefined || connection !== this.#connection || this.#next(lane)?.item !== item) return true;
    const { head } = item;
    // Of a resend the server tells when it had it first.
    if (item.askedAt !== undefined && !item.attempt) item.askedAt = monotonicMs();
    lane.published(item, connection);
    this.#lanes.delete(head.conversation);
    this.#lanes.set(head.conversation, lane);
    this.#flying++;
    connection.publish(topicOf(head, this.hooks.user), message, { qos: 1 }, () => this.#landed(item, lane, connection));
    this.hooks.expecting();
    return true;
  }

  /** The next item of any lane, or of this one. Sets the timer when all of them wait. */
  #next(only?: Lane): { item: Item; lane: Lane } | undefined {
    const now = monotonicMs();
    let wakeAt = Infinity;
    if (now < this.#pausedUntil) wakeAt = this.#pausedUntil;
    else {
      for (const lane of only ? [only] : this.#lanes.values()) {
        const item = lane.peek(now);
        if (item) return { item, lane };
        if (lane.resumeAt > now) wakeAt = Math.min(wakeAt, lane.resumeAt);
      }
    }
    if (wakeAt < Infinity) this.#timer.set(wakeAt - now, () => this.pump());
    return undefined;
  }

  async #seal(item: Item): Promise<Uint8Array | undefined> {
    const { head, bytes } = item;
    const id = idBytes(head.id);
    try {
      const body = head.kind === 'bare' ? bytes : await sealBody(bytes, { conversation: head.conversation, id }, this.hooks.cipher);
      const message = toBinary(MessageSchema, create(MessageSchema, { id, body, flags: head.flags, expiresInS: head.expiresInS }));
      if (message.length <= MESSAGE_BYTES) return message;
      const refuse = this.#refuse(item, new GodwitError(Code.TOO_LARGE, `${message.length} bytes; at most ${MESSAGE_BYTES} are sent`));
      this.hooks.run(refuse).catch(this.hooks.failed);
    } catch (error) {
      this.hooks.failed(error);
      this.#hold(item, Code.INTERNAL, 0);
    }
    return undefined;
  }

  #landed(item: Item, lane: Lane, connection: Connection): void {
    if (connection !== this.#connection) return;
    lane.landed();
    this.#flying--;
    if (item.phase === 'flying' && item.attempt === connection) this.hooks.noResult();
    else this.pump();
  }

  /** A refusal that passes. A limit of the user or a full disk is everyone's: nothing is published until then. */
  #hold(item: Item, code: Code, retryAfterMs: number): void {
    const { backoffMinMs, backoffMaxMs } = this.hooks.timing;
    const wait = retryAfterMs || backoffMs(item.refusals, backoffMinMs, backoffMaxMs, this.hooks.random);
    item.refusals++;
    this.hooks.debug({ what: 'refused for now', id: item.head.id, code: codeName(code), waitMs: wait });
    const resumeAt = monotonicMs() + wait;
    this.#lane(item).rewind(item, resumeAt);
    if (code !== Code.RATE_LIMITED && code !== Code.STORAGE_FULL) return;
    this.#pausedUntil = Math.max(this.#pausedUntil, resumeAt);
    // The next attempts may be refused too: one of them at a time, until some pass.
    this.#window = 1;
    this.#accepted = 0;
  }

  #refuse(item: Item, error: GodwitError): (tx: Transaction) => void {
    item.phase = 'answered';
    return (tx) => {
      tx.undo(() => this.#askAgain(item));
      tx.after(() => this.#remove(item));
      this.kept.refused(item, error, tx);
    };
  }

  /** The store could not take the answer: the server gives it once more. */
  #askAgain(item: Item): void {
    this.#lane(item).unanswered(item);
  }

  #remove(item: Item): void {
    this.#items.delete(item.head.id);
    const lane = this.#lane(item);
    lane.remove(item);
    if (lane.empty) this.#lanes.delete(item.head.conversation);
    this.pump();
  }

  #lane({ head }: Item): Lane {
    let lane = this.#lanes.get(head.conversation);
    if (!lane) this.#lanes.set(head.conversation, (lane = new Lane()));
    return lane;
  }
}

function topicOf({ conversation }: QueuedHead, user: string): string {
  const peer = peerOf(conversation, user);
  return peer === undefined ? publishTopics.group(conversation.slice(2)) : publishTopics.to(peer);
}
