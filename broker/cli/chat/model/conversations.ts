import type { ConversationInfo } from 'godwit-client';

/** What can be chosen in the list behind the others, where some are archived. No conversation is named so. */
export const archivedRow = 'archived';

/** The conversations of this user. */
export class Conversations {
  #known = new Map<string, ConversationInfo>();

  /** As it is now. */
  set(info: ConversationInfo): void {
    // A feed of the server's own is not talked in.
    if (!info.conversation.startsWith('u:')) this.#known.set(info.conversation, info);
  }

  /** One that nothing was said in yet. */
  add(conversation: string): void {
    if (!this.#known.has(conversation)) this.set({ conversation, seq: 0, delivered: 0, read: 0, ownRead: 0, unread: 0, clearedTo: 0, mutedUntilMs: 0, archived: false, pinned: false });
  }

  get(conversation: string): ConversationInfo | undefined {
    return this.#known.get(conversation);
  }

  /** In the order in which they stand: those that are pinned, then those with the newest message. @param archived only those that are; else only those that are not */
  list(archived = false): ConversationInfo[] {
    return [...this.#known.values()].filter((info) => info.archived === archived).sort(byRank);
  }

  /** What can be chosen, from the top on. */
  rows(archived = false): string[] {
    const names = this.list(archived).map(({ conversation }) => conversation);
    return archived || this.list(true).length === 0 ? names : [...names, archivedRow];
  }

  /** The conversation that many steps further down (or up); archived ones are passed over. */
  next(from: string | undefined, steps: number): string | undefined {
    return stepped(this.list().map(({ conversation }) => conversation), from, steps);
  }
}

/** What stands that many steps further down (or up) than `from`; where that is not among them, the first (or last) one. */
export function stepped(names: readonly string[], from: string | undefined, steps: number): string | undefined {
  const at = from === undefined ? -1 : names.indexOf(from);
  if (at === -1) return steps > 0 ? names[0] : names.at(-1);
  return names[Math.max(0, Math.min(names.length - 1, at + steps))];
}

/** What comes there is to be pointed out: it is neither muted nor archived. */
export function pointedOut({ mutedUntilMs, archived }: ConversationInfo): boolean {
  return mutedUntilMs === 0 && !archived;
}

function byRank(a: ConversationInfo, b: ConversationInfo): number {
  return Number(b.pinned) - Number(a.pinned) || (b.last?.sentAtMs ?? 0) - (a.last?.sentAtMs ?? 0) || (a.conversation < b.conversation ? -1 : 1);
}
