import type { GapNotice, Message, Reference, Sent, Shown, StateChange } from 'godwit-client';

/** What stands at a place of the conversation, or waits for one. */
export type Entry = MessageEntry | GapEntry | WaitingEntry;

export interface MessageEntry {
  readonly kind: 'message';
  readonly key: string;
  readonly message: Message;
}

export interface GapEntry {
  readonly kind: 'gap';
  readonly key: string;
  readonly gap: GapNotice;
}

/** An own message that the server does not have yet, or has refused. */
export interface WaitingEntry {
  readonly kind: 'waiting';
  readonly key: string;
  readonly sent: Sent;
  /** Undefined: it changes another message, or is no text. */
  readonly text: string | undefined;
  readonly replyTo: Reference | undefined;
  /** Unix milliseconds; 0: not known any more. */
  readonly atMs: number;
}

/** Places that are kept while the end is looked at; the oldest are let go, and are read again when they are wanted. */
const most = 3_000;

/** The place of what is stored; undefined: it has none. */
export function placeOf(shown: Shown): number | undefined {
  if (shown.type === 'gap') return shown.to;
  return shown.type === 'message' ? shown.seq : shown.message?.seq;
}

/** A conversation as far as it is loaded, in order: by place, then what waits for one. */
export class Talk {
  #placed = new Map<number, MessageEntry | GapEntry>();
  /** Ascending. */
  #places: number[] = [];
  #placeOfId = new Map<string, number>();
  #waiting = new Map<string, WaitingEntry>();
  /** Everything from the beginning on is loaded. */
  complete = false;
  /** Read up to here, as far as this app knows. */
  readTo: number;
  /** Up to where it was read when one came in, or on another device since. */
  #newFrom: number;
  #clearedTo = 0;

  constructor(
    readonly conversation: string,
    /** When it was opened, and up to where it was read then: what others had said behind that was unread. */
    readonly cameIn: { readonly atMs: number; readonly readTo: number },
  ) {
    this.readTo = this.#newFrom = cameIn.readTo;
  }

  get oldest(): number | undefined {
    return this.#places[0];
  }

  /** Something that came. What stands here already is replaced. */
  add(shown: Shown): void {
    const seq = placeOf(shown);
    if (seq === undefined) return;
    if (this.oldest !== undefined && seq < this.oldest && !this.complete) return; // it comes when older ones are read
    this.#put(seq, shown);
  }

  /** What the store has before the oldest that is here. */
  addOlder(shown: readonly Shown[], complete: boolean): void {
    for (const one of shown) this.#put(placeOf(one)!, one);
    this.complete = complete;
  }

  /** A message of here is another now. */
  changed(message: Message): void {
    if (this.#placed.has(message.seq)) this.#put(message.seq, message);
  }

  /** An own message that was sent just now, or waits since an earlier run. */
  wait(sent: Sent, text: string | undefined, atMs: number, replyTo?: Reference): void {
    this.#waiting.delete(sent.id);
    this.#waiting.set(sent.id, { kind: 'waiting', key: sent.id, sent, text, replyTo, atMs });
  }

  /** It waits no more. */
  forget(id: string): void {
    this.#waiting.delete(id);
  }

  waits(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** An own message that has its place has come further. */
  ticked({ seq, state }: StateChange): void {
    const entry = seq === undefined ? undefined : this.#placed.get(seq);
    if (entry?.kind !== 'message' || state === 'queued' || state === 'failed') return;
    this.#placed.set(entry.message.seq, { ...entry, message: { ...entry.message, tick: state } });
  }

  /** The message that another one answers, if it is loaded. */
  find({ from, id }: Reference): Message | undefined {
    const entry = this.#placed.get(this.#placeOfId.get(`${from} ${id}`) ?? -1);
    return entry?.kind === 'message' ? entry.message : undefined;
  }

  /** What is to be seen now. @param nowMs server's clock: what has disappeared by then is left out */
  entries(nowMs: number): Entry[] {
    const placed = this.#places.map((seq) => this.#placed.get(seq)!);
    const seen = placed.filter((entry) => entry.kind === 'gap' || (entry.message.expiresAtMs ?? Infinity) > nowMs);
    return [...seen, ...this.#waiting.values()];
  }

  /** Read on another device: nothing up to there is new here. */
  readElsewhere(seq: number): void {
    if (seq > this.readTo) this.readTo = this.#newFrom = seq;
  }

  /** Everything up to there is gone, and does not come back with a page that was read before. */
  clear(to: number): void {
    this.#clearedTo = Math.max(this.#clearedTo, to);
    // What is not loaded yet lies before what is.
    if ((this.oldest ?? Infinity) > to) return;
    while (this.#places.length > 0 && this.#places[0] <= to) this.#letGo(this.#places.shift()!);
    this.complete = true;
  }

  /** Whether it was unread when one came in, and is not read elsewhere. What the server says itself is not to be read. */
  isUnread({ own, seq, sentAtMs, content }: Message): boolean {
    return !own && content.kind !== 'event' && seq > this.#newFrom && sentAtMs < this.cameIn.atMs;
  }

  /** Lets go of the oldest, where there are many. */
  trim(): void {
    if (this.#places.length <= most) return;
    for (const seq of this.#places.splice(0, most / 3)) this.#letGo(seq);
    this.complete = false;
  }

  #letGo(seq: number): void {
    const entry = this.#placed.get(seq)!;
    if (entry.kind === 'message') this.#placeOfId.delete(`${entry.message.from} ${entry.message.id}`);
    this.#placed.delete(seq);
  }

  #put(seq: number, shown: Shown): void {
    if (seq <= this.#clearedTo) return;
    if (!this.#placed.has(seq)) {
      let at = this.#places.length;
      while (at > 0 && this.#places[at - 1] > seq) at--;
      this.#places.splice(at, 0, seq);
    }
    if (shown.type === 'gap') {
      this.#placed.set(seq, { kind: 'gap', key: `gap ${seq}`, gap: shown });
      return;
    }
    const message = shown.type === 'message' ? shown : shown.message!;
    this.#placed.set(seq, { kind: 'message', key: message.id, message });
    this.#placeOfId.set(`${message.from} ${message.id}`, seq);
    if (message.own) this.#waiting.delete(message.id);
  }
}
