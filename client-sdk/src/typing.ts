import { publishTopics } from 'godwit-schemas';
import type { Controls } from './controls.js';
import { monotonicMs } from './wait.js';

/** Conversations whose last notice is remembered. */
const remembered = 100;

/** Typing notices: at most one of a conversation in a while, and only while connected. */
export class Typing {
  #last = new Map<string, number>();

  constructor(
    private readonly controls: Controls,
    private readonly everyMs: number,
  ) {}

  /** True if a notice went out. */
  tell(conversation: string): boolean {
    const now = monotonicMs();
    const last = this.#last.get(conversation);
    if (last !== undefined && now - last < this.everyMs) return false;
    if (!this.controls.publishOnce(publishTopics.typing(conversation), new Uint8Array(0))) return false;
    this.#last.delete(conversation);
    this.#last.set(conversation, now);
    if (this.#last.size > remembered) this.#last.delete(this.#last.keys().next().value!);
    return true;
  }
}
