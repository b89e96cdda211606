import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import type { WriteStream } from 'node:tty';

export interface Frame {
  /** Lines that stay as they are from now on: they scroll away with the terminal's own. */
  readonly settled: readonly string[];
  /** Lines that are drawn anew every time. Together with the composer they fit on the screen. */
  readonly live: readonly string[];
  /** Where the cursor stands: rows above the last live line, and the column. */
  readonly cursor: { readonly up: number; readonly column: number };
}

/**
 * Draws at the end of the terminal's own scrolling text, not on a screen apart: what was said is still there when the
 * program is gone, however it went. No line may be as wide as the screen.
 */
export class Screen {
  /** Rows between the first live line and the cursor. */
  #above = 0;

  constructor(private readonly out: WriteStream) {}

  get columns(): number {
    return this.out.columns || 80;
  }

  get rows(): number {
    return this.out.rows || 24;
  }

  draw({ settled, live, cursor }: Frame): void {
    const { out } = this;
    out.cork();
    this.#goToTop();
    out.write([...settled, ...live].join('\n'));
    if (cursor.up > 0) moveCursor(out, 0, -cursor.up);
    cursorTo(out, cursor.column);
    out.uncork();
    this.#above = live.length - 1 - cursor.up;
  }

  /** Everything that is seen goes: after a resize nobody knows which row is where. */
  clear(): void {
    cursorTo(this.out, 0, 0);
    clearScreenDown(this.out);
    this.#above = 0;
  }

  /** These lines take the place of the live ones; the cursor stands below them. */
  leave(lines: readonly string[]): void {
    this.#goToTop();
    this.out.write(lines.map((line) => `${line}\n`).join(''));
    this.#above = 0;
  }

  #goToTop(): void {
    if (this.#above > 0) moveCursor(this.out, 0, -this.#above);
    cursorTo(this.out, 0);
    clearScreenDown(this.out);
  }
}
