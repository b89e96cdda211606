import stringWidth from 'string-width';
import { columns, graphemesOf, isolated } from '../text.js';
import { dim, plain, type Line } from './spans.js';

/** What is being written, and where the cursor is in it (UTF-16 code units). Its methods give a new one. */
export class Draft {
  constructor(
    readonly text: string,
    readonly cursor: number = text.length,
  ) {}

  insert(text: string): Draft {
    return new Draft(this.#before + text + this.#after, this.cursor + text.length);
  }

  left(): Draft {
    return this.#at(this.cursor - (graphemesOf(this.#before).at(-1)?.length ?? 0));
  }

  right(): Draft {
    return this.#at(this.cursor + (graphemesOf(this.#after)[0]?.length ?? 0));
  }

  wordLeft(): Draft {
    return this.#at(this.#before.search(/\S+\s*$/) === -1 ? 0 : this.#before.search(/\S+\s*$/));
  }

  wordRight(): Draft {
    return this.#at(this.cursor + /^\s*\S*/.exec(this.#after)![0].length);
  }

  /** Of its line, as are the next three. */
  home(): Draft {
    return this.#at(this.#before.lastIndexOf('\n') + 1);
  }

  end(): Draft {
    const end = this.#after.indexOf('\n');
    return this.#at(end === -1 ? this.text.length : this.cursor + end);
  }

  killToStart(): Draft {
    return this.#without(this.home().cursor, this.cursor);
  }

  killToEnd(): Draft {
    return this.#without(this.cursor, this.end().cursor);
  }

  killWord(): Draft {
    return this.#without(this.wordLeft().cursor, this.cursor);
  }

  backspace(): Draft {
    return this.#without(this.left().cursor, this.cursor);
  }

  delete(): Draft {
    return this.#without(this.cursor, this.right().cursor);
  }

  get #before(): string {
    return this.text.slice(0, this.cursor);
  }

  get #after(): string {
    return this.text.slice(this.cursor);
  }

  #at(cursor: number): Draft {
    return new Draft(this.text, cursor);
  }

  #without(from: number, to: number): Draft {
    return new Draft(this.text.slice(0, from) + this.text.slice(to), from);
  }
}

export const emptyDraft = new Draft('');

const prompt = '> ';

/** The draft in at most `most` rows, those around the cursor; `row` counts from the first of them. */
export function draftLines({ text, cursor }: Draft, width: number, most: number): { lines: Line[]; row: number; column: number } {
  const rows = [''];
  let used = prompt.length;
  // Rows are broken for the terminal that joins the least; the cursor stands where most show it.
  let joined = used;
  let [row, column] = [0, used];
  let index = 0;
  for (const grapheme of graphemesOf(text)) {
    const shown = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(grapheme) ? ' ' : grapheme;
    const wide = columns(shown);
    if (grapheme === '\n' || used + wide > width) {
      rows.push('');
      used = joined = prompt.length;
    }
    if (grapheme !== '\n') {
      rows[rows.length - 1] += shown;
      used += wide;
      joined += stringWidth(shown);
    }
    index += grapheme.length;
    if (index <= cursor) [row, column] = [rows.length - 1, joined];
  }
  const first = Math.max(0, Math.min(row - Math.floor(most / 2), rows.length - most));
  const lines = rows.map((shown, at) => [at === 0 ? dim(prompt) : plain('  '), plain(isolated(shown))]);
  return { lines: lines.slice(first, first + most), row: row - first, column: Math.min(column, width) };
}
