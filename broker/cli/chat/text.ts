import wrapAnsi from 'wrap-ansi';

/** What other people wrote must not steer the terminal: no control characters, and no changes of direction that end elsewhere. */
export function harmless(text: string): string {
  return text
    .replace(/\r\n?|\u2028|\u2029/g, '\n')
    .replace(/\t/g, '    ')
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '')
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}

/** In lines of at most `width` columns, at spaces where that can be. */
export function wrap(text: string, width: number): string[] {
  const options = { hard: true, trim: false };
  // The space at which a line is broken stands at the head of the next: there it is not wanted.
  const unspaced = (line: string, row: number): string => (row === 0 ? line : line.replace(/^ /, ''));
  return text.split('\n').flatMap((paragraph) => wrapAnsi(paragraph, Math.max(1, width), options).split('\n').map(unspaced));
}
