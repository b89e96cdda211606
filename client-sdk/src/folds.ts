import type { FoldContent } from './content.js';
import type { ReactionCount } from './events.js';

/** A user's reaction with an emoji, by the place that decided it; `on`: it is there, not taken back. */
type Reacted = [emoji: string, user: string, seq: number, on: boolean];

/**
 * What is folded into a message. Which of two wins is decided by places alone, so that every order in which they arrive
 * comes to the same: a register for the edit and one for each (user, emoji), where the last place wins, and a deletion
 * that nothing follows (M. Shapiro et al., "A comprehensive study of Convergent and Commutative Replicated Data Types",
 * INRIA 2011: LWW-Register).
 */
export interface Folds {
  /** Place of the edit that counts, and the server's clock then, Unix milliseconds. */
  edit?: { seq: number; atMs: number };
  reactions?: Reacted[];
  deleted?: true;
}

/** Who folds, and where. */
export interface FoldedBy {
  readonly from: string;
  readonly seq: number;
  readonly sentAtMs: number;
}

/** Emojis of one user at one message that are remembered, taken back ones included: those at the last places. */
const reactionsOfUser = 20;

/** With one more folded in; undefined when that changes nothing. */
export function folded(folds: Folds, fold: FoldContent, by: FoldedBy): Folds | undefined {
  if (folds.deleted) return undefined;
  switch (fold.kind) {
    case 'deletion':
      return { deleted: true };
    case 'edit':
      if (folds.edit && folds.edit.seq >= by.seq) return undefined;
      return { ...folds, edit: { seq: by.seq, atMs: by.sentAtMs } };
    case 'reaction':
      return reacted(folds, fold.emoji, by.from, by.seq, !fold.remove);
  }
}

function reacted(folds: Folds, emoji: string, user: string, seq: number, on: boolean): Folds | undefined {
  const had = folds.reactions ?? [];
  if (had.some((other) => other[0] === emoji && other[1] === user && other[2] >= seq)) return undefined;
  const reactions = had.filter((other) => other[0] !== emoji || other[1] !== user);
  reactions.push([emoji, user, seq, on]);
  reactions.sort((a, b) => a[2] - b[2]);
  const own = reactions.filter((other) => other[1] === user);
  if (own.length > reactionsOfUser) {
    if (own[0][2] === seq) return undefined;
    reactions.splice(reactions.indexOf(own[0]), 1);
  }
  return { ...folds, reactions };
}

/** The places of what is folded in, but for those of deletions. */
export function placesOf({ edit, reactions = [] }: Folds): number[] {
  return [...(edit ? [edit.seq] : []), ...reactions.map(([, , seq]) => seq)];
}

/** The reactions as the app sees them: each emoji once, in the order of places. */
export function reactionCounts({ reactions = [] }: Folds): ReactionCount[] {
  const users = new Map<string, string[]>();
  for (const [emoji, user, , on] of reactions) {
    if (!on) continue;
    const of = users.get(emoji);
    if (of) of.push(user);
    else users.set(emoji, [user]);
  }
  return Array.from(users, ([emoji, of]) => ({ emoji, users: of }));
}
