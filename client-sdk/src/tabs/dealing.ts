import type { ClientEvent } from '../events.js';

/** Events that nobody has dealt with; with as many, the leader receives no further message. */
const most = 1_000;

interface Open {
  readonly event: ClientEvent;
  /** The tabs that have it and are not through with it. */
  readonly left: Set<string>;
  readonly dealt: () => void;
}

/**
 * When a message counts as dealt with, with several tabs: when the listeners of one tab are done. Not of all: a tab in
 * background may be frozen for days. A tab without a listener for it does not count, unless no tab has one. Where the
 * only tab that listened is gone before it was done, the message comes again: to the next tab that opens, or from the
 * next leader.
 */
export class Dealing {
  #open = new Map<number, Open>();
  /** What a tab was given that is gone. */
  #orphans = new Map<number, Open>();
  #number = 0;
  #roomy: (() => void)[] = [];

  /** @returns the event's number; the promise resolves when it is dealt with. */
  add(event: ClientEvent, tabs: Iterable<string>): { number: number; dealt: Promise<void> } {
    const number = ++this.#number;
    const dealt = new Promise<void>((resolve) => this.#open.set(number, { event, left: new Set(tabs), dealt: resolve }));
    return { number, dealt };
  }

  /** A tab is through with an event. */
  through(tab: string, number: number, dealt: boolean): void {
    const open = this.#open.get(number) ?? this.#orphans.get(number);
    if (!open) return;
    open.left.delete(tab);
    if (!dealt && open.left.size > 0) return;
    this.#open.delete(number);
    this.#orphans.delete(number);
    open.dealt();
    this.#wake();
  }

  /** A tab is gone. */
  gone(tab: string): void {
    for (const [number, open] of this.#open) {
      if (!open.left.delete(tab) || open.left.size > 0) continue;
      this.#open.delete(number);
      this.#orphans.set(number, open);
    }
    this.#wake();
  }

  /** A new tab: it is given what nobody has any more. */
  *adopt(tab: string): Generator<{ number: number; event: ClientEvent }> {
    for (const [number, open] of this.#orphans) {
      open.left.add(tab);
      this.#open.set(number, open);
      yield { number, event: open.event };
    }
    this.#orphans.clear();
  }

  /** Resolves when there are not too many. */
  async room(): Promise<void> {
    while (this.#open.size >= most) await new Promise<void>((resolve) => this.#roomy.push(resolve));
  }

  #wake(): void {
    if (this.#open.size < most) for (const wake of this.#roomy.splice(0)) wake();
  }
}
