import { limits } from 'godwit-schemas';

/** Conversations handled before other work has its turn. */
const TURN = 256;

/**
 * Collects moves of cursors, and hands each (conversation, user) over once, a little later: a hundred thousand
 * acknowledgements a second are a few looks at each conversation.
 */
export class Moved {
  private moves = new Map<string, string[]>();
  private timer: NodeJS.Timeout | undefined;
  private turn: NodeJS.Immediate | undefined;

  constructor(private readonly handle: (conversation: string, user: string) => void) {}

  add(conversation: string, user: string): void {
    const users = this.moves.get(conversation);
    if (users === undefined) this.moves.set(conversation, [user]);
    else if (!users.includes(user)) users.push(user);
    this.timer ??= setTimeout(this.due, limits.receiptDelayMs.value);
  }

  stop(): void {
    clearTimeout(this.timer);
    clearImmediate(this.turn);
    this.moves.clear();
  }

  private readonly due = (): void => {
    const due = this.moves;
    this.moves = new Map();
    this.hand(due.entries());
  };

  private hand(moves: MapIterator<[string, string[]]>): void {
    for (let handled = 0; handled < TURN; handled++) {
      const move = moves.next();
      if (move.done) {
        this.timer = this.moves.size > 0 ? setTimeout(this.due, limits.receiptDelayMs.value) : undefined;
        return;
      }
      const [conversation, users] = move.value;
      for (const user of users) this.handle(conversation, user);
    }
    this.turn = setImmediate(() => this.hand(moves));
  }
}
