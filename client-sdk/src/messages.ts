import { openBody } from './body.js';
import type { Cipher } from './cipher.js';
import { isFold, type FoldContent, type Reference } from './content.js';
import { decodeContent, decodeEvent } from './content-decode.js';
import { editedContent } from './content-encode.js';
import type { ClearNotice, MessageChange } from './events.js';
import { folded, placesOf, type Folds } from './folds.js';
import type { Debug } from './options.js';
import { decodeRecord, encodeRecord, keys, ranges, seqOfKey } from './records.js';
import { decodeStored, encodeStored, expiresAt, messageOf, show, type Shown, type StoredMessage } from './stored-message.js';
import type { Transaction } from './transaction.js';
import { counts } from './unread.js';

export interface MessagesHooks {
  readonly user: string;
  readonly cipher: Cipher;
  readonly debug: Debug;
  /** Something disappears at this time. */
  expires(atMs: number): void;
  /** The conversation is another than it was. */
  touched(conversation: string): void;
  emit(event: MessageChange | ClearNotice): void;
}

interface Target {
  seq: number;
  stored: StoredMessage;
}

const none = new Uint8Array(0);

/**
 * What is stored at the places of conversations. Everything goes in, changes and goes away through here, within a
 * transaction, so that four things keep pace with it: what is folded into what, the unread count, the newest message,
 * and the list of what could not be opened.
 *
 * A fold (an edit, a reaction, a deletion) stays at its own place, and is folded into the message it belongs to; while
 * that is not stored, it waits under `keys.folds`. What an edit says moves there too: it is in one place only, so that
 * a deletion takes it, and it disappears with its message.
 */
export class Messages {
  constructor(private readonly hooks: MessagesHooks) {}

  /** Stores what came at a place. Returns what is then to be shown: the message there, or the one that it has changed. */
  async add(conversation: string, seq: number, stored: StoredMessage, tx: Transaction): Promise<Shown | MessageChange | undefined> {
    const { head } = stored;
    const place = tx.place(conversation);
    const expires = seq <= place.clearedTo ? undefined : expiresAt(head);
    if (expires !== undefined) {
      tx.put(keys.expiry(expires, conversation, seq), encodeRecord({}));
      tx.after(() => this.hooks.expires(expires));
    }
    if (head.kind === 'gap') {
      if (seq <= place.clearedTo) return undefined;
      this.#put(conversation, seq, undefined, stored, tx);
      return show(conversation, seq, stored, this.hooks.user, place);
    }
    if (head.kind !== 'event') tx.put(keys.mark(conversation, head.from, head.id), encodeRecord({ seq }));
    const whole = await this.#withWaiting(conversation, stored, tx);
    // The server delivers what was cleared on another device, and an answer may come after all.
    if (seq <= place.clearedTo) return undefined;
    if (head.kind === 'fold') return this.#addFold(conversation, seq, undefined, stored, tx);
    this.#put(conversation, seq, undefined, whole, tx);
    // That something was taken back is not what was said last.
    if (head.kind !== 'event' || !(await this.#erased(conversation, stored, tx))) place.last = Math.max(place.last, seq);
    return show(conversation, seq, whole, this.hooks.user, place);
  }

  /** What is shown of a stored place. */
  async shown(conversation: string, seq: number, tx: Transaction): Promise<Shown | MessageChange | undefined> {
    const record = await tx.get(keys.message(conversation, seq));
    if (!record) return undefined;
    const stored = decodeStored(record);
    return show(conversation, seq, stored, this.hooks.user, tx.place(conversation)) ?? this.changedBy(conversation, stored, tx);
  }

  /** Takes out what has disappeared. */
  async remove(conversation: string, seq: number, tx: Transaction): Promise<void> {
    const record = await tx.get(keys.message(conversation, seq));
    if (record) this.#put(conversation, seq, decodeStored(record), undefined, tx);
  }

  /** Takes out everything up to a place. Marks stay, so that nothing of it comes back. */
  async clear(conversation: string, to: number, tx: Transaction): Promise<void> {
    const place = tx.place(conversation);
    if (to <= place.clearedTo) return;
    for await (const [key, record] of tx.rows(ranges.messages(conversation, 0, to))) {
      const seq = seqOfKey(key);
      const stored = decodeStored(record);
      const expires = expiresAt(stored.head);
      if (expires !== undefined) tx.delete(keys.expiry(expires, conversation, seq));
      this.#put(conversation, seq, stored, undefined, tx);
    }
    if (place.waiting > 0) {
      for await (const [key, record] of tx.rows(ranges.folds(conversation))) {
        // What is folded into a message lies behind it: then that is cleared too.
        if (!placesOf(decodeRecord<Folds>(record).head).some((seq) => seq <= to)) continue;
        tx.delete(key);
        place.waiting--;
      }
    }
    place.clearedTo = to;
    if (place.last <= to) place.last = 0;
    tx.after(() => this.hooks.emit({ type: 'cleared', conversation, to }));
  }

  /** Tries again what could not be opened when it came, and tells what that changes. True if it can be read now. */
  async open(conversation: string, seq: number, tx: Transaction): Promise<boolean> {
    const record = await tx.get(keys.message(conversation, seq));
    const sealed = record && decodeStored(record);
    if (sealed?.head.kind !== 'sealed') return false;
    const opened = await openBody(sealed.head, sealed.bytes, conversation, this.hooks.cipher);
    // Whoever could not open it then is not to say now that it is damaged: it stays as it came.
    if (opened.head.kind !== 'content' && opened.head.kind !== 'fold') return false;
    let changed: MessageChange | undefined;
    if (opened.head.kind === 'fold') {
      const { folds: _, ...head } = opened.head;
      changed = await this.#addFold(conversation, seq, sealed, { head, bytes: opened.bytes }, tx);
    } else {
      this.#put(conversation, seq, sealed, opened, tx);
      changed = this.#change(conversation, { seq, stored: opened }, tx);
    }
    if (changed) tx.after(() => this.hooks.emit(changed));
    return true;
  }

  /** The message into which a stored fold was folded, as it is now; undefined where there is none. */
  async changedBy(conversation: string, { head }: StoredMessage, tx: Transaction): Promise<MessageChange | undefined> {
    if (!head.target || head.ignored) return undefined;
    const target = await this.#find(conversation, head.target, tx);
    return typeof target === 'object' ? this.#change(conversation, target, tx) : undefined;
  }

  /** @param before what was at this place: a body that could not be opened until now. */
  async #addFold(conversation: string, seq: number, before: StoredMessage | undefined, { head, bytes }: StoredMessage, tx: Transaction): Promise<MessageChange | undefined> {
    const { content: fold } = decodeContent(bytes);
    if (!isFold(fold)) throw new Error('stored as a fold, and is none');
    const target = await this.#find(conversation, fold.target, tx);
    const stranger = fold.kind !== 'reaction' && fold.target.from !== head.from;
    if (stranger || (typeof target === 'object' && target.stored.head.kind === 'fold')) {
      this.hooks.debug({ what: stranger ? `ignored: ${fold.kind} of someone else's message` : `ignored: ${fold.kind} of what is no message`, conversation, seq });
      this.#put(conversation, seq, before, { head: { ...head, ignored: true }, bytes }, tx);
      return undefined;
    }
    this.#put(conversation, seq, before, { head, bytes: fold.kind === 'edit' ? none : bytes }, tx);
    const by = { from: head.from, seq, sentAtMs: head.sentAtMs };
    if (target === 'gone') return undefined;
    if (target === 'not here') {
      await this.#wait(conversation, fold, by, tx);
      return undefined;
    }
    const { head: had } = target.stored;
    const folds = folded(had.folds ?? {}, fold, by);
    if (!folds) return undefined;
    const now = withFolds(target.stored, folds, fold.kind === 'edit' ? fold.content : undefined);
    this.#put(conversation, target.seq, target.stored, now, tx);
    return this.#change(conversation, { seq: target.seq, stored: now }, tx);
  }

  /** Where the server has taken a body back, the message there, or the edit that it shows, is forgotten here too. @returns whether it is that. */
  async #erased(conversation: string, { bytes }: StoredMessage, tx: Transaction): Promise<boolean> {
    const content = decodeEvent(bytes);
    if (content.kind !== 'event' || content.event.kind.case !== 'erased') return false;
    const seq = Number(content.event.kind.value.seq);
    const record = await tx.get(keys.message(conversation, seq));
    const found = record && (await this.#erasable(conversation, { seq, stored: decodeStored(record) }, tx));
    if (!found) return true;
    const now = withFolds(found.stored, { deleted: true }, undefined);
    this.#put(conversation, found.seq, found.stored, now, tx);
    const changed = this.#change(conversation, { seq: found.seq, stored: now }, tx);
    if (changed) tx.after(() => this.hooks.emit(changed));
    return true;
  }

  async #erasable(conversation: string, at: Target, tx: Transaction): Promise<Target | undefined> {
    const { kind, target } = at.stored.head;
    if (kind === 'gap' || kind === 'event') return undefined;
    if (kind !== 'fold') return at;
    const edited = target && (await this.#find(conversation, target, tx));
    return typeof edited === 'object' && edited.stored.head.folds?.edit?.seq === at.seq ? edited : undefined;
  }

  /** Keeps it until its target is there. */
  async #wait(conversation: string, fold: FoldContent, by: Parameters<typeof folded>[2], tx: Transaction): Promise<void> {
    const key = keys.folds(conversation, fold.target.from, fold.target.id);
    const record = await tx.get(key);
    const had = record ? decodeRecord<Folds>(record) : { head: {}, bytes: none };
    const folds = folded(had.head, fold, by);
    if (!folds) return;
    if (!record) tx.place(conversation).waiting++;
    const edit = fold.kind === 'edit' ? fold.content : folds.deleted ? none : had.bytes;
    tx.put(key, encodeRecord(folds, edit));
  }

  /** The message with what has waited for it. */
  async #withWaiting(conversation: string, stored: StoredMessage, tx: Transaction): Promise<StoredMessage> {
    const { from, id, kind } = stored.head;
    const place = tx.place(conversation);
    if (place.waiting === 0 || kind === 'event') return stored;
    const key = keys.folds(conversation, from, id);
    const record = await tx.get(key);
    if (!record) return stored;
    tx.delete(key);
    place.waiting--;
    const { head: folds, bytes: edit } = decodeRecord<Folds>(record);
    return withFolds(stored, folds, folds.edit && edit);
  }

  async #find(conversation: string, { from, id }: Reference, tx: Transaction): Promise<Target | 'not here' | 'gone'> {
    const mark = await tx.get(keys.mark(conversation, from, id));
    if (!mark) return 'not here';
    const { seq } = decodeRecord<{ seq: number }>(mark).head;
    const record = await tx.get(keys.message(conversation, seq));
    return record ? { seq, stored: decodeStored(record) } : 'gone';
  }

  #change(conversation: string, { seq, stored }: Target, tx: Transaction): MessageChange | undefined {
    const message = messageOf(conversation, seq, stored, this.hooks.user, tx.place(conversation));
    return message && { type: 'changed', conversation, message };
  }

  /** Puts, changes or takes away what is at a place. */
  #put(conversation: string, seq: number, before: StoredMessage | undefined, now: StoredMessage | undefined, tx: Transaction): void {
    const key = keys.message(conversation, seq);
    if (now) tx.put(key, encodeStored(now));
    else tx.delete(key);
    if (now?.head.kind === 'sealed') tx.put(keys.sealed(conversation, seq), encodeRecord({}));
    else if (before?.head.kind === 'sealed') tx.delete(keys.sealed(conversation, seq));
    const place = tx.place(conversation);
    if (seq > place.readTo) place.unread += this.#counted(now) - this.#counted(before);
    tx.after(() => this.hooks.touched(conversation));
  }

  #counted(stored: StoredMessage | undefined): number {
    return stored && counts(stored.head, this.hooks.user) ? 1 : 0;
  }
}

/** @param edit what it says from now on, where that has changed. */
function withFolds({ head, bytes }: StoredMessage, folds: Folds, edit: Uint8Array | undefined): StoredMessage {
  if (folds.deleted) return { head: { ...head, kind: 'deleted', folds }, bytes: none };
  if (!edit) return { head: { ...head, folds }, bytes };
  return { head: { ...head, kind: 'content', folds }, bytes: head.kind === 'content' ? editedContent(bytes, edit) : edit };
}
