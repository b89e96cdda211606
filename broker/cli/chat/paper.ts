import { day } from '../times.js';
import { dayOf, itemLines, type Look } from './lines.js';
import type { Screen } from './screen.js';
import type { Transcript } from './transcript.js';

/** What stands below the transcript, and where in it the cursor is. */
export interface Below {
  readonly lines: readonly string[];
  /** Row of the cursor, counted from the first of these lines. */
  readonly row: number;
  readonly column: number;
}

/**
 * The end of the transcript as it is seen. What has no more room scrolls away into the terminal's own text, and is
 * settled: only what is seen can still change.
 */
export class Paper {
  /** Lines of the first item that have scrolled away already. */
  #scrolled = 0;
  /** Today is not said, until it is over. */
  private readonly began = day(Date.now());

  constructor(
    private readonly screen: Screen,
    private readonly transcript: Transcript,
    private readonly look: Omit<Look, 'width'>,
  ) {}

  /** Columns that may be used: a line that fills the screen would wrap on some terminals, and not on others. */
  get width(): number {
    return this.screen.columns - 1;
  }

  get rows(): number {
    return this.screen.rows;
  }

  draw(below: Below): void {
    this.#draw(below, true);
  }

  /** After a resize: everything anew, as much of the end as fits. What scrolled away before stays as it is. */
  redraw(below: Below): void {
    this.screen.clear();
    this.transcript.settled = Math.max(0, this.transcript.items.length - this.rows);
    this.#scrolled = 0;
    this.#draw(below, false);
  }

  /** What was said stays on the terminal, with these lines behind it; what stood below goes. */
  leave(last: readonly string[]): void {
    this.screen.leave([...this.#items().flat(), ...last]);
  }

  #draw({ lines: below, row, column }: Below, scroll: boolean): void {
    const items = this.#items();
    const lines = items.flat();
    const overflow = Math.max(0, lines.length + below.length - this.rows);
    this.#settle(items, Math.min(overflow, lines.length));
    this.screen.draw({
      settled: scroll ? lines.slice(0, overflow) : [],
      live: [...lines.slice(overflow), ...below],
      cursor: { up: below.length - 1 - row, column },
    });
  }

  /** The lines of every item that is not settled, without those that have scrolled away. */
  #items(): string[][] {
    const { items, settled } = this.transcript;
    const look = { ...this.look, width: this.width };
    let today = items.slice(0, settled).map(dayOf).findLast((known) => known !== undefined) ?? this.began;
    const lines = items.slice(settled).map((item) => {
      const of = itemLines(item, today, look);
      today = dayOf(item) ?? today;
      return of;
    });
    if (lines.length > 0) lines[0] = lines[0].slice(this.#scrolled);
    return lines;
  }

  /** The first `count` lines scroll away. */
  #settle(items: readonly string[][], count: number): void {
    let left = count;
    for (const lines of items) {
      if (left < lines.length) break;
      left -= lines.length;
      this.transcript.settled++;
      this.#scrolled = 0;
    }
    this.#scrolled += left;
  }
}
