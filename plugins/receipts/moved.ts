import { limits } from 'godwit-schemas';

/** Conversations handled before other work has its turn; so many of a period are also told at once. */
const TURN = 256;
const NOBODY: readonly string[] = [];

/**
 * Spaces the moves of cursors. The first one in a conversation is handed over at once: whoever wrote a message sees
 * its tick. What moves there within the next period is handed over together at its end, so a hundred thousand
 * acknowledgements a second are a few looks at each conversation.
 */
export class Moved {
  /** The conversations handed over in this period, and who has moved there since. */
  private moves = new Map<string, readonly string[]>();
  private atOnce = 0;
  private timer: NodeJS.Timeout | undefined;
  private turn: NodeJS.Immediate | undefined;

  constructor(private readonly handle: (conversation: string, users: readonly string[]) => void) {}

  add(conversation: string, user: string): void {
    const since = this.moves.get(conversation);
    if (since === undefined && this.atOnce < TURN) {
      this.atOnce++;
      this.moves.set(conversation, NOBODY);
      this.handle(conversation, [user]);
    } else if (since === undefined || !since.includes(user)) {
      this.moves.set(conversation, [...(since ?? NOBODY), user]);
    }
    this.timer ??= setTimeout(this.due, limits.receiptSpacingMs.value);
  }

  stop(): void {
    clearTimeout(this.timer);
    clearImmediate(this.turn);
    this.moves.clear();
  }

  private readonly due = (): void => {
    const due = this.moves;
    this.moves = new Map();
    this.atOnce = 0;
    this.hand(due.entries());
  };

  private hand(moves: MapIterator<[string, readonly string[]]>): void {
    for (let handled = 0; handled < TURN; handled++) {
      const move = moves.next();
      if (move.done) {
        this.timer = this.moves.size > 0 ? setTimeout(this.due, limits.receiptSpacingMs.value) : undefined;
        return;
      }
      const [conversation, users] = move.value;
      if (users.length === 0) continue;
      // It is told now: the next moves wait for the next period.
      if (!this.moves.has(conversation)) this.moves.set(conversation, NOBODY);
      this.handle(conversation, users);
    }
    this.turn = setImmediate(() => this.hand(moves));
  }
}
