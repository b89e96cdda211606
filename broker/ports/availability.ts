import { Code } from 'godwit-schemas';
import { RefusedError } from './plugin.js';

/** Of ports that another server fills: whether it can be reached. While it is away their calls throw `unavailable()`. */
export interface Availability {
  /** Why it is away, for people; undefined: it is there. */
  whyAway(): string | undefined;
  /**
   * Calls back each time that it is there again, after it was away or a call failed: of what was under way then, nobody
   * knows whether it happened.
   */
  onReturn(listener: () => void): void;
}

/** A call that failed since the server behind the port is away: worth a retry. */
export function unavailable(text: string): RefusedError {
  return new RefusedError({ code: Code.UNAVAILABLE, text, retryAfterMs: 1_000 });
}

export function isUnavailable(error: unknown): error is RefusedError {
  return error instanceof RefusedError && error.refusal.code === Code.UNAVAILABLE;
}
