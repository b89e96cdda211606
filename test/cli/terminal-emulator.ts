import { Writable } from 'node:stream';
import stringWidth from 'string-width';

const graphemes = new Intl.Segmenter();

/**
 * As much of a terminal as our screen uses: text, line ends, moving the cursor, erasing below it. What scrolls off the
 * top is kept. A character that takes two columns leaves an empty cell behind it.
 */
export class Terminal extends Writable {
  readonly scrolled: string[] = [];
  #cells: string[][];
  row = 0;
  column = 0;

  constructor(public columns: number, public rows: number) {
    super({ decodeStrings: false });
    this.#cells = Array.from({ length: rows }, () => []);
  }

  /** What is seen, without empty rows at the end. */
  get lines(): string[] {
    const lines = this.#cells.map(lineOf);
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    const text = String(chunk);
    for (let i = 0; i < text.length; ) {
      const control = /^\u001b\[(\d*)(?:;(\d*))?([A-Za-z])/.exec(text.slice(i));
      if (control) {
        this.#control(control[3], Number(control[1] || 1), Number(control[2] || 1));
        i += control[0].length;
      } else {
        const [{ segment }] = graphemes.segment(text.slice(i));
        this.#put(segment);
        i += segment.length;
      }
    }
    done();
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
    const width = stringWidth(segment);
    if (this.column + width > this.columns) throw new Error(`a line is wider than the screen: ${lineOf(this.#cells[this.row])}${segment}`);
    const cells = this.#cells[this.row];
    while (cells.length < this.column) cells.push(' ');
    cells[this.column++] = segment;
    for (let more = 1; more < width; more++) cells[this.column++] = '';
  }
}

function lineOf(cells: readonly string[]): string {
  return cells.join('').trimEnd();
}
