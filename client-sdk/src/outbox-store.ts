import { Code, directConversation, GodwitError } from 'godwit-schemas';
import { contentMessage } from './body.js';
import { textOf } from './content.js';
import { bareContent, decodeContent } from './content-decode.js';
import type { MessageChange, StateChange, Tick } from './events.js';
import type { Item, QueuedHead } from './lane.js';
import type { Messages } from './messages.js';
import { decodeRecord, encodeRecord, keys, ranges } from './records.js';
import { expiringTick, further } from './receipts.js';
import { type Handles, SentMessage, type SentHooks } from './sent.js';
import { tickOf, type StoredMessage } from './stored-message.js';
import type { Change, Store } from './store.js';
import type { Transaction } from './transaction.js';
import type { WriteQueue } from './write-queue.js';

export interface OutboxStoreHooks {
  readonly user: string;
  readonly device: string;
  readonly handles: Handles;
  readonly sent: SentHooks;
  emit(event: StateChange | MessageChange): void;
  ticked(conversation: string, seq: number, id: string, tick: Tick): void;
}

/** Messages in the outbox, failed ones included; one more is refused. */
const most = 100_000;

/** The outbox as it is kept, and what becomes of a message when its answer is stored. */
export class OutboxStore {
  #failed = new Map<string, Item>();
  #queued = new Map<string, Item>();
  #order = 0;

  constructor(
    private readonly hooks: OutboxStoreHooks,
    private readonly writes: WriteQueue,
    private readonly messages: Messages,
  ) {}

  /** What an earlier run left: the messages that are still to be sent, in order. */
  async load(store: Store): Promise<Item[]> {
    for (const [key, record] of await store.range(ranges.outbox)) {
      const { head, bytes } = decodeRecord<QueuedHead>(record);
      const order = Number.parseInt(key.slice(2), 16);
      this.#order = order + 1;
      const item: Item = { order, head, bytes, sent: this.#handle(head), phase: 'waiting', refusals: 0 };
      if (head.failed) {
        item.sent.fail(new GodwitError(head.failed.code, head.failed.text));
        this.#failed.set(head.id, item);
      } else {
        item.sent.keep();
        this.#queued.set(head.id, item);
      }
    }
    return [...this.#queued.values()];
  }

  /** A new message, not yet kept: `keep` comes next. @throws GodwitError LIMIT_REACHED */
  create(head: QueuedHead, bytes: Uint8Array): Item {
    if (this.#queued.size + this.#failed.size >= most) throw new GodwitError(Code.LIMIT_REACHED, `${most} messages are in the outbox`);
    const item: Item = { order: this.#order++, head, bytes, sent: this.#handle(head), phase: 'saving', refusals: 0 };
    this.#queued.set(head.id, item);
    return item;
  }

  /** Resolves when it is kept. When it cannot be, it has failed, and the promise rejects with why. */
  async keep(item: Item, also: readonly Change[] = []): Promise<void> {
    try {
      await this.writes.write([...also, { key: keys.outbox(item.order), value: encodeRecord(item.head, item.bytes) }]);
    } catch (cause) {
      const error = toldOf(cause, 'it could not be kept');
      this.#fail(item, error);
      throw error;
    }
  }

  /** It is a message like any other from now on; an edit, a reaction or a deletion is folded into the one it belongs to. */
  async accepted(item: Item, seq: number, sentAtMs: number, tx: Transaction): Promise<void> {
    const { conversation, id, kind, flags, expiresInS } = item.head;
    const place = tx.place(conversation);
    const sent = { id, from: this.hooks.user, device: this.hooks.device, sentAtMs, flags, expiresInS };
    const stored: StoredMessage = kind === 'bare' ? { head: { ...sent, kind }, bytes: item.bytes } : contentMessage(sent, item.bytes);
    const { head } = stored;
    if (expiresInS !== 0) head.tick = expiringTick(head, seq, place);
    tx.delete(keys.outbox(item.order));
    // The floor may have been told before the result, on an earlier connection or this one.
    const tick = tickOf(head, place, seq);
    const shown = await this.messages.add(conversation, seq, stored, tx);
    tx.after(() => {
      this.#queued.delete(id);
      item.sent.accepted(seq, sentAtMs);
      this.hooks.emit({ type: 'state', conversation, id, state: 'sent', seq });
      if (further(tick, 'sent')) this.hooks.ticked(conversation, seq, id, tick);
      if (shown?.type === 'changed') this.hooks.emit(shown);
    });
  }

  refused(item: Item, error: GodwitError, tx: Transaction): void {
    tx.put(keys.outbox(item.order), encodeRecord({ ...item.head, failed: { code: error.code, text: error.message } }, item.bytes));
    tx.after(() => this.#fail(item, error));
  }

  /** A message that is queued or has failed. */
  find(id: string): SentMessage | undefined {
    return (this.#queued.get(id) ?? this.#failed.get(id))?.sent;
  }

  /** Everything that is queued or failed, in order. */
  list(): SentMessage[] {
    const items = [...this.#queued.values(), ...this.#failed.values()];
    return items.sort((a, b) => a.order - b.order).map((item) => item.sent);
  }

  /** The text of a message that is queued or has failed. */
  text(id: string): string | undefined {
    const item = this.#queued.get(id) ?? this.#failed.get(id);
    return item && textOf(item.head.kind === 'bare' ? bareContent(item.bytes) : decodeContent(item.bytes).content);
  }

  /** A failed message goes to the end of the queue; `moved` puts it into the outbox before it is kept there. */
  async retry(sent: SentMessage, moved: (item: Item) => void): Promise<Item> {
    const old = this.#takeFailed(sent);
    const { failed: _, ...head } = old.head;
    const item: Item = { order: this.#order++, head, bytes: old.bytes, sent, phase: 'saving', refusals: 0 };
    sent.queueAgain();
    this.#queued.set(sent.id, item);
    this.hooks.handles.add(sent);
    this.hooks.emit({ type: 'state', conversation: sent.conversation, id: sent.id, state: 'queued' });
    moved(item);
    try {
      await this.keep(item, [{ key: keys.outbox(old.order), value: undefined }]);
    } catch (error) {
      item.order = old.order;
      throw error;
    }
    return item;
  }

  async discard(sent: SentMessage): Promise<void> {
    const item = this.#takeFailed(sent);
    try {
      await this.writes.write([{ key: keys.outbox(item.order), value: undefined }]);
    } catch (error) {
      this.#failed.set(sent.id, item);
      throw toldOf(error, 'it could not be removed');
    }
  }

  #takeFailed(sent: SentMessage): Item {
    const item = this.#failed.get(sent.id);
    if (!item) throw new GodwitError(Code.CONFLICT, `the message has not failed: it is ${sent.state}`);
    this.#failed.delete(sent.id);
    return item;
  }

  #fail(item: Item, error: GodwitError): void {
    const { id, conversation } = item.head;
    this.#queued.delete(id);
    item.head = { ...item.head, failed: { code: error.code, text: error.message } };
    this.#failed.set(id, item);
    this.hooks.handles.remove(item.sent);
    item.sent.fail(error);
    this.hooks.emit({ type: 'state', conversation, id, state: 'failed', error });
  }

  #handle({ id, conversation, expiresInS }: QueuedHead): SentMessage {
    const { user, sent: hooks } = this.hooks;
    const sent = new SentMessage(id, conversation, hooks, conversation === directConversation(user, user), expiresInS);
    this.hooks.handles.add(sent);
    return sent;
  }
}

/** What the store says is wrong, is: a full one can be helped. */
function toldOf(cause: unknown, what: string): GodwitError {
  return new GodwitError(cause instanceof GodwitError ? cause.code : Code.INTERNAL, `${what}: ${cause instanceof Error ? cause.message : String(cause)}`);
}
