import { Reason } from 'godwit-schemas';
import type { Hole } from './conversation-log.js';

/** [from, to] in pieces, each with its reason: what the log says, TRIMMED where it says nothing. */
export function cover(holes: readonly Hole[], from: number, to: number): Hole[] {
  const pieces: Hole[] = [];
  let at = from;
  for (const hole of holes) {
    if (hole.to < at || hole.from > to) continue;
    if (hole.from > at) pieces.push({ from: at, to: hole.from - 1, reason: Reason.TRIMMED });
    pieces.push({ from: Math.max(at, hole.from), to: Math.min(to, hole.to), reason: hole.reason });
    at = Math.min(to, hole.to) + 1;
  }
  if (at <= to) pieces.push({ from: at, to, reason: Reason.TRIMMED });
  return pieces;
}
