import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import stringWidth from 'string-width';

const graphemes = new Intl.Segmenter();
const prompt = '> ';

export interface ComposerHooks {
  /** A line was entered. */
  line(text: string): void;
  /** Something was typed, or the cursor moved. */
  changed(text: string): void;
  /** Ctrl-C, Ctrl-D on an empty line, or the terminal is gone. */
  quit(): void;
  /** Back from Ctrl-Z. */
  resumed(): void;
}

/** The line that is being written. Node's readline edits it (and knows its keys); what it would print is dropped, and drawn by us. */
export class Composer {
  readonly #editor: Interface;

  constructor(input: ReadStream, hooks: ComposerHooks) {
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    this.#editor = createInterface({ input, output: nowhere, terminal: true, historySize: 100, prompt: '' });
    this.#editor.on('line', (text) => hooks.line(text));
    this.#editor.on('SIGINT', () => hooks.quit());
    this.#editor.on('close', () => hooks.quit());
    // EIO: the terminal is not ours any more.
    this.#editor.on('error', () => hooks.quit());
    this.#editor.on('SIGCONT', () => hooks.resumed());
    // readline listens first: when we hear of a key, it has done its work.
    input.on('keypress', () => hooks.changed(this.#editor.line));
  }

  /** The line as it is shown in at most `most` rows, those around the cursor; `row` counts from the first of them. */
  lines(width: number, most: number): { lines: string[]; row: number; column: number } {
    const { line, cursor } = this.#editor;
    const rows = [prompt];
    let columns = prompt.length;
    let row = 0;
    let column = columns;
    for (const { segment, index } of graphemes.segment(line)) {
      const shown = /[\u0000-\u001f\u007f-\u009f]/.test(segment) ? ' ' : segment;
      const wide = stringWidth(shown);
      if (columns + wide > width) {
        rows.push('  ');
        columns = 2;
      }
      if (index < cursor) {
        row = rows.length - 1;
        column = columns + wide;
      }
      rows[rows.length - 1] += shown;
      columns += wide;
    }
    const first = Math.max(0, Math.min(row - Math.floor(most / 2), rows.length - most));
    return { lines: rows.slice(first, first + most), row: row - first, column };
  }

  close(): void {
    this.#editor.removeAllListeners('close');
    this.#editor.close();
  }
}
