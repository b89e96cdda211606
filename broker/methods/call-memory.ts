import type { Refusal } from '../ports/plugin.js';

/** The encoded response, or why not. */
export type Outcome = Uint8Array | Refusal;

interface Call {
  /** What was asked for: the same id with something else is not a repeat. */
  fingerprint: string;
  outcome: Promise<Outcome>;
  /** Unix milliseconds; Infinity while the call is under way. */
  untilMs: number;
  bytes: number;
}

export interface CallMemoryLimits {
  /** How long an answer is kept. */
  ms: number;
  /** How many answers. */
  count: number;
  /** How many bytes of them. */
  bytes: number;
}

/** Keeps the answers of calls, so that a repeat is answered and not done twice. At its limits the oldest answers are forgotten. */
export class CallMemory {
  /** In the order in which the answers came. */
  private readonly calls = new Map<string, Call>();
  private bytes = 0;

  constructor(private readonly limits: CallMemoryLimits, private readonly now: () => number) {}

  /**
   * The outcome of the first call under this key, which may still be under way; undefined if it was for something else.
   * @param keep whether the outcome is final; one that is not is forgotten, and a repeat is done again
   */
  once(key: string, fingerprint: string, run: () => Promise<Outcome>, keep: (outcome: Outcome) => boolean): Promise<Outcome> | undefined {
    this.forgetOld();
    const known = this.calls.get(key);
    if (known) return known.fingerprint === fingerprint ? known.outcome : undefined;
    const call: Call = { fingerprint, outcome: run(), untilMs: Infinity, bytes: 0 };
    this.calls.set(key, call);
    const settle = (outcome: Outcome | undefined): void => {
      this.calls.delete(key);
      if (outcome === undefined || !keep(outcome)) return;
      call.untilMs = this.now() + this.limits.ms;
      call.bytes = outcome instanceof Uint8Array ? outcome.length : outcome.text.length;
      this.bytes += call.bytes;
      this.calls.set(key, call);
      this.forgetOld();
    };
    call.outcome.then(settle, () => settle(undefined));
    return call.outcome;
  }

  private forgetOld(): void {
    const now = this.now();
    for (const [key, call] of this.calls) {
      if (call.untilMs === Infinity) continue;
      if (call.untilMs > now && this.calls.size <= this.limits.count && this.bytes <= this.limits.bytes) return;
      this.calls.delete(key);
      this.bytes -= call.bytes;
    }
  }
}
