import { monotonicMs } from './wait.js';

/** Conversations whose last notice is remembered. */
const remembered = 100;

/** Typing notices: at most one of a conversation in a while, and only while connected. */
export class Typing {
  #last = new Map<string, number>();

  /** @param publish false when it cannot be told now. */
  constructor(
    private readonly publish: (conversation: string) => boolean,
    private readonly everyMs: number,
  ) {}

  /** True if a notice went out. */
  tell(conversation: string): boolean {
    const now = monotonicMs();
    const last = this.#last.get(conversation);
    if (last !== undefined && now - last < this.everyMs) return false;
    if (!this.publish(conversation)) return false;
    this.#last.delete(conversation);
    this.#last.set(conversation, now);
    if (this.#last.size > remembered) this.#last.delete(this.#last.keys().next().value!);
    return true;
  }
}
