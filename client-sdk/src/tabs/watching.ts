import { Code, GodwitError, validUserId } from 'godwit-schemas';
import type { PresenceNotice } from '../events.js';
import { abortable } from '../wait.js';
import type { Asks } from './asks.js';

interface Watched {
  asked: Promise<void>;
  last?: PresenceNotice;
}

/** Whom this tab watches. */
export class Watching {
  readonly #watched = new Map<string, Watched>();

  constructor(
    private readonly asks: Asks,
    private readonly emit: (event: PresenceNotice) => void,
  ) {}

  async watch(user: string, signal: AbortSignal | undefined): Promise<void> {
    if (!validUserId(user)) throw new GodwitError(Code.MALFORMED, `not a user id: ${user}`);
    let watched = this.#watched.get(user);
    if (!watched) this.#watched.set(user, (watched = { asked: Promise.resolve() }));
    if (watched.last === undefined) watched.asked = this.#ask(user, watched);
    await abortable(watched.asked, signal);
  }

  async unwatch(user: string): Promise<void> {
    if (this.#watched.delete(user)) await this.asks.ask('unwatch', { user });
  }

  of(user: string): PresenceNotice | undefined {
    return this.#watched.get(user)?.last;
  }

  /** False when this tab does not watch that user: another one does. */
  arrived(event: PresenceNotice): boolean {
    const watched = this.#watched.get(event.user);
    if (watched) watched.last = event;
    return watched !== undefined;
  }

  /** A new leader watches nobody yet. What it refuses is not watched any more. */
  again(): void {
    for (const [user, watched] of this.#watched) watched.asked = this.#ask(user, watched);
  }

  #ask(user: string, watched: Watched): Promise<void> {
    const asked = this.asks.ask('watch', { user }).then(
      (last) => {
        // The leader watched them before: the server does not tell it once more.
        if (!last || watched.last || this.#watched.get(user) !== watched) return;
        watched.last = last;
        this.emit(last);
      },
      (error) => {
        if (error instanceof GodwitError && error.code === Code.NOT_ALLOWED && this.#watched.get(user) === watched) this.#watched.delete(user);
        throw error;
      },
    );
    // Whoever waits for it hears of it.
    asked.catch(() => {});
    return asked;
  }
}
