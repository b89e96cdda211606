import { GroupChangeKind, isGroupConversation } from 'godwit-schemas';
import type { History } from '../history.js';
import type { Change } from '../journal.js';

/** A time in a conversation: the places from `from` to `to`, both included; `to` Infinity: until the end. */
export interface Window {
  from: number;
  to: number;
}

/** A change in a group's log, as it was seen. */
export interface SeenChange extends Change {
  seq: number;
  /** When the first one saw it. */
  at: number;
}

const joins = new Set([GroupChangeKind.CREATED, GroupChangeKind.ADDED, GroupChangeKind.JOINED]);
const leaves = new Set([GroupChangeKind.REMOVED, GroupChangeKind.LEFT, GroupChangeKind.ENDED]);
const ALWAYS: readonly Window[] = [{ from: 1, to: Infinity }];

/** Who was in which group at which places: as the changes say that anyone saw. It knows nothing of the server's own books. */
export class Membership {
  /** Conversation → changes, by place. */
  readonly changes = new Map<string, SeenChange[]>();
  private readonly windows = new Map<string, Map<string, Window[]>>();

  constructor(history: History) {
    const seen = new Map<string, Map<number, SeenChange>>();
    for (const { entries } of history) {
      for (const entry of entries) {
        if ((entry.what !== 'delivered' && entry.what !== 'shown') || !entry.change || entry.change.revision === 0) continue;
        const { conversation, seq, at, change } = entry;
        let there = seen.get(conversation);
        if (!there) seen.set(conversation, (there = new Map()));
        const known = there.get(seq);
        if (!known) there.set(seq, { ...change, seq, at });
        else known.at = Math.min(known.at, at);
      }
    }
    for (const [conversation, changes] of seen) {
      const inOrder = [...changes.values()].sort((one, other) => one.seq - other.seq);
      this.changes.set(conversation, inOrder);
      this.windows.set(conversation, windowsAfter(inOrder));
    }
  }

  /** In a one-to-one, and in one's own feed: always. */
  windowsOf(conversation: string, user: string): readonly Window[] {
    if (isGroupConversation(conversation)) return this.windows.get(conversation)?.get(user) ?? [];
    return conversation.split(':').slice(1).includes(user) ? ALWAYS : [];
  }

  /** The place is one that this user may see. */
  holds(conversation: string, user: string, seq: number): boolean {
    return this.windowAt(conversation, user, seq) !== undefined;
  }

  windowAt(conversation: string, user: string, seq: number): Window | undefined {
    return this.windowsOf(conversation, user).find(({ from, to }) => from <= seq && seq <= to);
  }

  /** Whoever was ever in it. */
  peopleOf(conversation: string): Iterable<string> {
    return this.windows.get(conversation)?.keys() ?? [];
  }

  /** When a user who is in the group at the end, and never left it, was surely in; undefined: there is no such time, or no such group. */
  surelySince(conversation: string, user: string): number | undefined {
    const windows = this.windowsOf(conversation, user);
    if (windows.length !== 1 || windows[0].to !== Infinity) return undefined;
    return this.changes.get(conversation)?.find(({ seq }) => seq === windows[0].from)?.at;
  }
}

/** Whether a change says of these users that they are in the group from it on, or up to it. */
export function concerns({ kind }: Change): boolean {
  return joins.has(kind) || leaves.has(kind);
}

function windowsAfter(changes: readonly SeenChange[]): Map<string, Window[]> {
  const all = new Map<string, Window[]>();
  for (const { seq, kind, users } of changes) {
    for (const user of users) {
      const windows = all.get(user) ?? [];
      const last = windows.at(-1);
      if (joins.has(kind) && last?.to !== Infinity) all.set(user, [...windows, { from: seq, to: Infinity }]);
      else if (leaves.has(kind) && last?.to === Infinity) last.to = seq;
    }
  }
  return all;
}
