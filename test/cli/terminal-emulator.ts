import { Writable } from 'node:stream';
import stringWidth from 'string-width';

const graphemes = new Intl.Segmenter();

/**
 * As much of a terminal as the chat uses: text, line ends, moving the cursor, erasing. What scrolls off the top is kept.
 * A character that takes two columns leaves an empty cell behind it. `joins`: emoji of several parts are shown as one;
 * terminals differ in that.
 */
export class Terminal extends Writable {
  readonly scrolled: string[] = [];
  #cells: string[][];
  row = 0;
  column = 0;

  constructor(readonly columns: number, readonly rows: number, private readonly joins = true) {
    super({ decodeStrings: false });
    this.#cells = Array.from({ length: rows }, () => []);
  }

  /** What is seen, without empty rows at the end. */
  get lines(): string[] {
    const lines = this.#cells.map(lineOf);
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  /** In which columns there is such a character. */
  columnsOf(what: RegExp): number[] {
    return this.#cells.flatMap((cells) => cells.flatMap((cell, column) => (what.test(cell) ? [column] : [])));
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    const text = String(chunk);
    for (let i = 0; i < text.length; ) {
      const control = /^\u001b\[(\??\d*)(?:;([\d;]*))?([A-Za-z])/.exec(text.slice(i));
      if (control) {
        if (!control[1].startsWith('?')) this.#control(control[3], Number(control[1] || 1), Number(control[2] || 1));
        i += control[0].length;
      } else {
        const [{ segment }] = graphemes.segment(text.slice(i));
        this.#put(segment);
        i += segment.length;
      }
    }
    done();
    this.emit('drawn');
  }

  #control(command: string, n: number, m: number): void {
    switch (command) {
      case 'A': this.row = Math.max(0, this.row - n); break;
      case 'B': this.row = Math.min(this.rows - 1, this.row + n); break;
      case 'G': this.column = n - 1; break;
      case 'H': [this.row, this.column] = [n - 1, m - 1]; break;
      case 'J':
        this.#cells[this.row].length = Math.min(this.#cells[this.row].length, this.column);
        for (let row = this.row + 1; row < this.rows; row++) this.#cells[row] = [];
        break;
      case 'K': this.#cells[this.row] = n === 2 ? [] : this.#cells[this.row].slice(0, this.column); break;
      case 'm': break;
      default: throw new Error(`the terminal does not know ${command}`);
    }
  }

  #put(segment: string): void {
    if (segment === '\n') {
      this.column = 0;
      if (++this.row < this.rows) return;
      this.row = this.rows - 1;
      this.scrolled.push(lineOf(this.#cells.shift()!));
      this.#cells.push([]);
      return;
    }
    const width = this.joins ? stringWidth(segment) : [...segment].reduce((sum, part) => sum + stringWidth(part), 0);
    if (this.column + width > this.columns) throw new Error(`a line is wider than the screen: ${lineOf(this.#cells[this.row])}${segment}`);
    const cells = this.#cells[this.row];
    while (cells.length < this.column) cells.push(' ');
    if (width === 0 && this.column > 0) {
      // What is invisible goes with what stands before it.
      const before = cells.findLastIndex((cell, at) => at < this.column && cell !== '');
      cells[before] += segment;
      return;
    }
    cells[this.column++] = segment;
    for (let more = 1; more < width; more++) cells[this.column++] = '';
  }
}

function lineOf(cells: readonly string[]): string {
  return cells.join('').trimEnd();
}
