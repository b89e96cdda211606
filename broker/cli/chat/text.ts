import stringWidth from 'string-width';

const graphemes = new Intl.Segmenter();
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** What other people wrote must not steer the terminal: no control characters, and no changes of direction that end elsewhere. */
export function harmless(text: string): string {
  return text
    .replace(/\r\n?|\u2028|\u2029/g, '\n')
    .replace(/\t/g, '    ')
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '')
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}

/** What people see as one character each. */
export function graphemesOf(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}

/**
 * Columns that a text takes at most. Terminals do not agree on what is joined (a family of three, a flag): one that does
 * not know it shows its parts beside one another, and a line must not be too long there either.
 */
export function columns(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let sum = 0;
  for (const grapheme of graphemesOf(text)) sum += mostColumns(grapheme);
  return sum;
}

function mostColumns(grapheme: string): number {
  const parts = [...grapheme];
  const joined = stringWidth(grapheme);
  return parts.length === 1 ? joined : Math.max(joined, parts.reduce((sum, part) => sum + stringWidth(part), 0));
}

/** In lines of at most `width` columns, at spaces where that can be; the space at which a line is broken is left out. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => wrapParagraph(paragraph, width));
}

function wrapParagraph(paragraph: string, width: number): string[] {
  if (columns(paragraph) <= width) return [paragraph];
  const lines: string[] = [];
  let line: string[] = [];
  let used = 0;
  for (const grapheme of graphemesOf(paragraph)) {
    const wide = columns(grapheme);
    if (used + wide > width && line.length > 0) {
      const space = grapheme === ' ' ? line.length : line.lastIndexOf(' ');
      const atSpace = line.slice(0, Math.max(0, space)).some((one) => one !== ' ');
      lines.push(line.slice(0, atSpace ? space : line.length).join(''));
      line = atSpace ? line.slice(space + 1) : [];
      used = columns(line.join(''));
      if (grapheme === ' ' && atSpace) continue;
    }
    line.push(grapheme);
    used += wide;
  }
  return [...lines, line.join('')];
}

/** At most `width` columns of it; what is cut off is an ellipsis. */
export function cut(text: string, width: number): string {
  if (columns(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const grapheme of graphemesOf(text)) {
    used += columns(grapheme);
    if (used > width - 1) break;
    kept += grapheme;
  }
  return width > 0 ? `${kept}…` : '';
}

/** In one line, of characters that are as wide on every terminal: for what something else stands to the right of. */
export function simple(text: string): string {
  return graphemesOf(harmless(text).replace(/\s*\n\s*/g, ' ')).map(simplest).join('');
}

function simplest(grapheme: string): string {
  // A flag is made of letters.
  if (/^\p{RI}/u.test(grapheme)) return Array.from(grapheme, (part) => String.fromCharCode(part.codePointAt(0)! - 0x1f1e6 + 65)).join('');
  const [first] = grapheme;
  return grapheme.includes('\ufe0f') || stringWidth(first) !== mostColumns(grapheme) ? first : grapheme;
}

/** Right-to-left text turns nothing around but itself, also at the beginning of a line. */
export function isolated(line: string): string {
  return rightToLeft.test(line) ? `\u2068${line}\u2069` : line;
}
