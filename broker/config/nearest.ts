/**
 * What someone who wrote `text` may have meant: a candidate that has it among its words, or else the one that needs
 * the fewest edits, if they are at most a third of its letters (Levenshtein distance by Wagner and Fischer, one row at
 * a time). Words are separated by `_`.
 */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  let best = candidates.find((candidate) => `_${candidate}_`.includes(`_${text}_`));
  if (best !== undefined) return best;
  let fewest = Math.floor(text.length / 3) + 1;
  for (const candidate of candidates) {
    const edits = distance(text, candidate);
    if (edits < fewest) {
      fewest = edits;
      best = candidate;
    }
  }
  return best;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
