import type { GapNotice, Message, SentState, Shown, StateChange } from 'godwit-client';
import { gapText } from './gap.js';

/** A line of the talk. */
export type Item = MessageItem | NoteItem;

export interface MessageItem {
  readonly kind: 'message';
  readonly id: string;
  readonly from: string;
  readonly own: boolean;
  readonly text: string;
  /** Unix milliseconds; of an own message that is queued: when it was written, or 0 when that is not known. */
  readonly atMs: number;
  /** Its place; undefined: not accepted yet. */
  seq: number | undefined;
  /** Of own messages. */
  state: SentState | undefined;
  /** Why it failed. */
  error: string | undefined;
}

export interface NoteItem {
  readonly kind: 'note';
  readonly text: string;
  readonly seq: number | undefined;
}

/** Items kept; the oldest are let go. */
const most = 2_000;

/**
 * What was said, in order: by place, then what is not accepted yet. What is settled stands on paper already (it has
 * scrolled away): nothing is put before it any more.
 */
export class Transcript {
  readonly items: Item[] = [];
  /** Items before this index are settled. */
  settled = 0;
  /** The highest place of a message of someone else. */
  lastReceived = 0;
  #byId = new Map<string, MessageItem>();
  #places = new Set<number>();

  /** Something that is stored. False: it stands here already. */
  add(shown: Shown): boolean {
    const item = itemOf(shown);
    if (item.seq === undefined) return false;
    if (item.kind === 'message') {
      const known = this.#byId.get(key(item.from, item.id));
      if (known) {
        this.#placed(known, item.seq);
        return false;
      }
    }
    if (this.#places.has(item.seq)) return false;
    this.#places.add(item.seq);
    if (item.kind === 'message') {
      this.#byId.set(key(item.from, item.id), item);
      if (!item.own) this.lastReceived = Math.max(this.lastReceived, item.seq);
    }
    this.#insert(item, item.seq);
    return true;
  }

  /** An own message that is not accepted yet. */
  queue(item: MessageItem): void {
    this.#byId.set(key(item.from, item.id), item);
    this.#push(item);
  }

  /** Something for whoever sits there, said now. */
  note(text: string): void {
    this.#push({ kind: 'note', text, seq: undefined });
  }

  /** An own message has come further. The item, unless it is not here. */
  moved(me: string, { id, state, seq, error }: StateChange): MessageItem | undefined {
    const item = this.#byId.get(key(me, id));
    if (!item) return undefined;
    item.state = state;
    item.error = error?.message;
    if (seq !== undefined) this.#placed(item, seq);
    return item;
  }

  /** Own messages that still wait here. */
  get waiting(): number {
    let count = 0;
    for (const item of this.#byId.values()) if (item.state === 'queued') count++;
    return count;
  }

  /** It got its place: it moves there, unless it stands right or is settled. */
  #placed(item: MessageItem, seq: number): void {
    if (item.seq !== undefined) return;
    item.seq = seq;
    this.#places.add(seq);
    const at = this.items.indexOf(item);
    if (at < this.settled) return;
    const after = this.items.slice(at + 1).some((other) => other.seq !== undefined && other.seq < seq);
    const before = this.items.slice(this.settled, at).some((other) => other.seq === undefined ? other.kind === 'message' : other.seq > seq);
    if (!after && !before) return;
    this.items.splice(at, 1);
    this.#insert(item, seq);
  }

  #insert(item: Item, seq: number): void {
    let at = this.items.length;
    while (at > this.settled && comesAfter(this.items[at - 1], seq)) at--;
    this.items.splice(at, 0, item);
    this.#trim();
  }

  #push(item: Item): void {
    this.items.push(item);
    this.#trim();
  }

  #trim(): void {
    while (this.items.length > most && this.settled > 0) {
      const [item] = this.items.splice(0, 1);
      this.settled--;
      if (item.kind === 'message') this.#byId.delete(key(item.from, item.id));
    }
  }
}

/** A note stays where it was said. */
function comesAfter(item: Item, seq: number): boolean {
  return item.seq === undefined ? item.kind === 'message' : item.seq > seq;
}

function key(from: string, id: string): string {
  return `${from} ${id}`;
}

function itemOf(shown: Shown): Item {
  switch (shown.type) {
    case 'gap':
      return { kind: 'note', text: gapText(shown as GapNotice), seq: shown.to };
    case 'message':
      return messageItem(shown, shown.text ?? unreadable(shown));
    default:
      return shown.message
        ? messageItem(shown.message, '(this message cannot be read)')
        : { kind: 'note', text: `something came that is no message: ${shown.reason}`, seq: undefined };
  }
}

function messageItem({ id, from, own, sentAtMs, seq, tick }: Message, text: string): MessageItem {
  return { kind: 'message', id, from, own, text, atMs: sentAtMs, seq, state: own ? (tick ?? 'sent') : undefined, error: undefined };
}

function unreadable({ content }: Message): string {
  switch (content.kind) {
    case 'sealed':
      return '(encrypted: it cannot be read here)';
    case 'custom':
      return `(${content.customType || 'data'}, ${content.data.length} bytes)`;
    case 'event':
      return '(something happened that this version does not know)';
    default:
      return '(a kind of message that this version does not know)';
  }
}
