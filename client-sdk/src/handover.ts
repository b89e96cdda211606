import type { Places } from './places.js';
import type { Transaction } from './transaction.js';
import { Timer } from './wait.js';

/** The mark goes with the next transaction, or after this long by itself. */
const flushMs = 50;

interface Handed {
  seq: number;
  done: boolean;
}

/**
 * How far the app has dealt with what is stored. A process that ends in between hands the rest over again when it
 * starts: what is stored is there once, but the app's code may see its last messages twice rather than never.
 */
export class Handover {
  /** Of each conversation what the app has in hand, in order. */
  #open = new Map<string, Handed[]>();
  #dirty = new Map<string, number>();
  #timer = new Timer();
  #stopped = false;

  /** @param flush asks for a transaction, which then calls `into`. */
  constructor(private readonly flush: () => void) {}

  /** Notes a place that is handed over now; call what it returns when the app has dealt with it. */
  add(conversation: string, seq: number): () => void {
    const handed = { seq, done: false };
    let open = this.#open.get(conversation);
    if (!open) this.#open.set(conversation, (open = []));
    open.push(handed);
    return () => this.#done(conversation, handed);
  }

  /** Puts what moved into a transaction. */
  into(tx: Transaction): void {
    this.#timer.clear();
    const moved = this.#dirty;
    this.#dirty = new Map();
    for (const [conversation, seq] of moved) {
      const place = tx.place(conversation);
      place.handed = Math.max(place.handed, seq);
    }
    tx.undo(() => {
      for (const [conversation, seq] of moved) if (!this.#dirty.has(conversation)) this.#dirty.set(conversation, seq);
    });
  }

  get pending(): boolean {
    return this.#dirty.size > 0;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.clear();
  }

  #done(conversation: string, handed: Handed): void {
    handed.done = true;
    const open = this.#open.get(conversation)!;
    let last = 0;
    while (open.length > 0 && open[0].done) last = open.shift()!.seq;
    if (open.length === 0) this.#open.delete(conversation);
    if (last === 0) return;
    this.#dirty.set(conversation, last);
    if (!this.#stopped && !this.#timer.running) this.#timer.set(flushMs, this.flush);
  }
}

/** The conversations of which the app has not dealt with everything. */
export function* unhanded(places: Places): Generator<{ conversation: string; from: number; to: number }> {
  for (const [conversation, { handed, seq }] of places.entries()) if (handed < seq) yield { conversation, from: handed + 1, to: seq };
}
