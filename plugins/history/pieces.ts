import { Reason } from 'godwit-schemas';
import type { Hole, LogHead, Window } from '../../broker/ports/conversation-log.js';
import { cover } from '../../broker/ports/cover.js';

/** Places [from, to]: of entries, or, with a reason, of a gap. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly reason: Reason | undefined;
}

/** The places of a log that someone with these windows may be told of, from the one after `floor` on, in order. What lies before their first window and behind their last is not theirs to know. */
export function piecesOf(windows: readonly Window[], { head, first }: Pick<LogHead, 'head' | 'first'>, holes: readonly Hole[], floor: number): Piece[] {
  const pieces: Piece[] = [];
  for (const window of windows) {
    const from = Math.max(window.from, floor + 1);
    const to = Math.min(window.to, head);
    if (from > to) continue;
    const before = pieces.at(-1);
    if (before && before.to < from - 1) pieces.push({ from: before.to + 1, to: from - 1, reason: Reason.NOT_MEMBER });
    if (from < first) pieces.push(...cover(holes, from, Math.min(to, first - 1)));
    let at = Math.max(from, first);
    for (const hole of holes) {
      if (hole.to < at || hole.from > to) continue;
      if (hole.from > at) pieces.push({ from: at, to: hole.from - 1, reason: undefined });
      pieces.push({ from: Math.max(at, hole.from), to: Math.min(to, hole.to), reason: hole.reason });
      at = hole.to + 1;
    }
    if (at <= to) pieces.push({ from: at, to, reason: undefined });
  }
  return pieces;
}

/** What of the pieces lies in [from, to]. */
export function clip(pieces: readonly Piece[], from: number, to: number): Piece[] {
  return pieces.flatMap((piece) => (piece.to < from || piece.from > to ? [] : [{ ...piece, from: Math.max(piece.from, from), to: Math.min(piece.to, to) }]));
}
