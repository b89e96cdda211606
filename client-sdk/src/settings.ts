import { Code, feedConversation, GodwitError, isRetry, parseConversation, type ConversationState, type FillRandom } from 'godwit-schemas';
import { backoffMs } from './backoff.js';
import type { Calls } from './calls.js';
import type { ConversationSettings } from './events.js';
import type { Inbox } from './inbox.js';
import type { Messages } from './messages.js';
import type { Timing } from './options.js';
import type { Place, Places } from './places.js';
import type { Transaction } from './transaction.js';
import { Timer } from './wait.js';

/** What the wire has for "for ever": the latest time that the server takes. */
const forEver = Number.MAX_SAFE_INTEGER;
/** How often the server is asked again about a conversation that it does not know. */
const unknownTries = 3;

export interface SettingsHooks {
  readonly user: string;
  readonly timing: Timing;
  readonly random: FillRandom;
  connected(): boolean;
  /** The conversation is another than it was. */
  touched(conversation: string): void;
  failed(error: unknown): void;
}

/** What is set of a conversation, as the app sees it: a mute that has run out is none. */
export function settingsAt(place: Readonly<Place>, nowMs: number): Required<ConversationSettings> {
  const { mutedUntilMs, archived, pinned } = { ...place, ...place.wish };
  return { mutedUntilMs: mutedUntilMs >= forEver ? Infinity : mutedUntilMs > nowMs ? mutedUntilMs : 0, archived, pinned };
}

/**
 * What the user sets of conversations. It is kept with the conversation's place, shown at once, and told to the server
 * as soon as that can be, one after the other; the server tells all devices of the user in the feed, where what is told
 * last counts.
 */
export class Settings {
  #telling: Promise<void> | undefined;
  #refusals = 0;
  #timer = new Timer();
  #stopped = false;

  constructor(
    private readonly places: Places,
    private readonly calls: Calls,
    private readonly inbox: Inbox,
    private readonly messages: Messages,
    private readonly hooks: SettingsHooks,
  ) {}

  /** Resolves when it is kept: then it reaches the server, also after a restart. @throws GodwitError MALFORMED */
  async set(conversation: string, { mutedUntilMs, archived, pinned }: ConversationSettings): Promise<void> {
    const wish: ConversationSettings = {
      ...(mutedUntilMs !== undefined && { mutedUntilMs: checkedTime(mutedUntilMs) }),
      ...(archived !== undefined && { archived }),
      ...(pinned !== undefined && { pinned }),
    };
    if (Object.keys(wish).length === 0) return;
    await this.inbox.run((tx) => {
      const place = tx.place(conversation);
      place.wish = { ...place.wish, ...wish };
      tx.after(() => this.hooks.touched(conversation));
    });
    this.ready();
  }

  /**
   * @param callId of a call that may have been made before, which is then not done twice. @param again it was.
   * @throws GodwitError the refusal; UNAVAILABLE when not connected, or when there is no answer.
   */
  async clear(conversation: string, callId?: Uint8Array, again = false): Promise<void> {
    // Later it would clear what has come meanwhile, and what nobody has seen.
    if (!again && !this.hooks.connected()) throw new GodwitError(Code.UNAVAILABLE, 'not connected: what comes meanwhile would be cleared too');
    const at = this.feedAt();
    const { state } = await this.calls.call('conversations.clear', { conversation }, {}, callId);
    if (state) await this.inbox.run((tx) => this.apply(state, at, tx));
  }

  /** How far the feed is known: `at` of what the server is asked for now. */
  feedAt(): number {
    return this.places.get(feedConversation(this.hooks.user)).seq;
  }

  /**
   * Takes what the server tells of a conversation.
   * @param at the place in the feed that tells it, or how far the feed was known when the server was asked. An answer
   * that the feed has overtaken says nothing of what is set; what is cleared stays cleared.
   */
  async apply({ conversation, mutedUntilMs, archived, pinned, clearedTo }: ConversationState, at: number, tx: Transaction): Promise<void> {
    const kind = parseConversation(conversation)?.kind;
    if (kind === undefined || kind === 'feed') return;
    const place = tx.place(conversation);
    if (at >= place.setAt) Object.assign(place, { mutedUntilMs: Number(mutedUntilMs), archived, pinned, setAt: at });
    await this.messages.clear(conversation, Number(clearedTo), tx);
    tx.after(() => this.hooks.touched(conversation));
  }

  /** Connected, or something new: tells what waits. */
  ready(): void {
    if (this.#stopped) return;
    this.#telling ??= this.#tell().finally(() => {
      this.#telling = undefined;
      if (!this.#timer.running && this.#next()) this.ready();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.clear();
  }

  #next(): [string, ConversationSettings] | undefined {
    if (this.#stopped || !this.hooks.connected()) return undefined;
    for (const [conversation, { wish }] of this.places.entries()) if (wish) return [conversation, wish];
    return undefined;
  }

  async #tell(): Promise<void> {
    this.#timer.clear();
    for (let next = this.#next(); next; next = this.#next()) {
      const [conversation, wish] = next;
      try {
        const at = this.feedAt();
        const { mutedUntilMs, ...flags } = wish;
        const { state } = await this.calls.call('conversations.set', { conversation, ...flags, ...(mutedUntilMs !== undefined && { mutedUntilMs: BigInt(mutedUntilMs) }) });
        await this.#taken(conversation, wish, state, at);
        this.#refusals = 0;
      } catch (error) {
        if (this.#stopped) return;
        if (!this.#isFinal(error)) return this.#later(error instanceof GodwitError ? error.retryAfterMs : undefined);
        // It would be again.
        this.#refusals = 0;
        this.hooks.failed(error);
        await this.#taken(conversation, wish, undefined, 0);
      }
    }
  }

  #isFinal(error: unknown): boolean {
    if (!(error instanceof GodwitError) || isRetry(error.code) || error.code === Code.LIMIT_REACHED) return false;
    // Its first message may be on its way.
    return error.code !== Code.UNKNOWN_CONVERSATION || this.#refusals >= unknownTries;
  }

  /** What was set meanwhile waits still. */
  #taken(conversation: string, told: ConversationSettings, state: ConversationState | undefined, at: number): Promise<void> {
    return this.inbox.run(async (tx) => {
      const place = tx.place(conversation);
      const left = Object.entries(place.wish ?? {}).filter(([key, value]) => told[key as keyof ConversationSettings] !== value);
      place.wish = left.length > 0 ? Object.fromEntries(left) : undefined;
      if (state) await this.apply(state, at, tx);
      else tx.after(() => this.hooks.touched(conversation));
    });
  }

  #later(retryAfterMs: number | undefined): void {
    const { backoffMinMs, backoffMaxMs } = this.hooks.timing;
    this.#timer.set(retryAfterMs || backoffMs(++this.#refusals, backoffMinMs, backoffMaxMs, this.hooks.random), () => this.ready());
  }
}

/** @throws GodwitError MALFORMED */
function checkedTime(ms: number): number {
  if (ms === Infinity) return forEver;
  if (!Number.isSafeInteger(ms) || ms < 0) throw new GodwitError(Code.MALFORMED, `not a time in milliseconds: ${ms}`);
  return ms;
}
