import type { ConversationInfo } from 'godwit-client';

/** The conversations of this user, those with the newest message first. */
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

  /** In the order in which they stand. */
  list(): ConversationInfo[] {
    return [...this.#known.values()].sort((a, b) => (b.last?.sentAtMs ?? 0) - (a.last?.sentAtMs ?? 0) || (a.conversation < b.conversation ? -1 : 1));
  }

  /** The one that many steps further down (or up). */
  next(from: string | undefined, steps: number): string | undefined {
    const names = this.list().map(({ conversation }) => conversation);
    const at = from === undefined ? -1 : names.indexOf(from);
    if (at === -1) return steps > 0 ? names[0] : names.at(-1);
    return names[Math.max(0, Math.min(names.length - 1, at + steps))];
  }
}
