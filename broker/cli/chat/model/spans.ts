import { columns, cut } from '../text.js';

/** Text in one look. */
export interface Span {
  readonly text: string;
  readonly color?: 'cyan' | 'green' | 'red' | 'blueBright';
  readonly dim?: boolean;
  readonly bold?: boolean;
}

/** One row of the screen, or of a part of it. */
export type Line = readonly Span[];

export const plain = (text: string): Span => ({ text });
export const dim = (text: string): Span => ({ text, dim: true });

export function widthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + columns(text), 0);
}

/** At most `width` columns of it. */
export function cutLine(line: Line, width: number): Line {
  if (widthOf(line) <= width) return line;
  const kept: Span[] = [];
  let left = width;
  for (const span of line) {
    const text = cut(span.text, left);
    kept.push({ ...span, text });
    left -= columns(text);
    if (text !== span.text) break;
  }
  return kept;
}

/** `left` and `right` at the two ends of a line; where there is no room for both, `right` goes. */
export function spread(left: Line, right: Line, width: number): Line {
  const between = width - widthOf(left) - widthOf(right);
  return between >= 1 ? [...left, plain(' '.repeat(between)), ...right] : cutLine(left, width);
}

/** As many lines as there are rows. */
export function fill(lines: readonly Line[], height: number): Line[] {
  return Array.from({ length: height }, (_, at) => lines[at] ?? []);
}

/** What it says, without its looks. */
export function textOf(line: Line): string {
  return line.map(({ text }) => text).join('');
}
