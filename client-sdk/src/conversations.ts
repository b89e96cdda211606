import type { ConversationInfo, Message } from './events.js';
import { isBlank, isFeed, type Places } from './places.js';
import { keys, ranges, seqOfKey } from './records.js';
import { settingsAt } from './settings.js';
import { decodeStored, expiresAt, messageOf } from './stored-message.js';
import type { Store } from './store.js';
import { Timer } from './wait.js';

/** Places that are looked at for a last message, where the newest one that is known shows none any more. */
const lookBack = 256;
/** Milliseconds: devices sleep, and clocks are set. */
const longestMs = 3_600_000;
/** Conversations whose last message is read at a time. */
const atATime = 64;

export interface ConversationsHooks {
  readonly user: string;
  now(): number;
  /** How far this app has read. */
  readHere(conversation: string): number;
  /** Whether anyone listens for changes. */
  wanted(): boolean;
  /** Resolves when a new device knows which there are, or cannot know now. */
  listed(): Promise<void>;
  emit(info: ConversationInfo): void;
  failed(error: unknown): void;
}

/** The list of conversations: numbers from memory, and one read of the store for the last message of each. */
export class Conversations {
  #touched = new Set<string>();
  #telling: Promise<void> | undefined;
  /** Until the next mute runs out. */
  #timer = new Timer();
  #due = Infinity;

  constructor(
    private readonly store: Store,
    private readonly places: Places,
    private readonly hooks: ConversationsHooks,
  ) {}

  /** Those with the newest last message first. */
  async list(): Promise<ConversationInfo[]> {
    await this.hooks.listed();
    const names = [...this.places.entries()].flatMap(([conversation, place]) => (isFeed(conversation) || isBlank(place) ? [] : [conversation]));
    const list: ConversationInfo[] = [];
    for (let from = 0; from < names.length; from += atATime) {
      list.push(...(await Promise.all(names.slice(from, from + atATime).map((conversation) => this.#info(conversation)))));
    }
    return list.sort((a, b) => (b.last?.sentAtMs ?? 0) - (a.last?.sentAtMs ?? 0));
  }

  /** To be told, as it then is: what changes until it is read is told as one. */
  touched(conversation: string): void {
    if (isFeed(conversation) || !this.hooks.wanted()) return;
    this.#touched.add(conversation);
    this.#telling ??= this.#tell().finally(() => (this.#telling = undefined));
  }

  /** Resolves when nothing is left to be told. */
  async idle(): Promise<void> {
    while (this.#telling) await this.#telling;
  }

  /** To be called when the clock has moved. */
  plan(): void {
    if (this.#due < Infinity) this.#timer.set(Math.min(this.#due - this.hooks.now() + 1, longestMs), () => this.#unmute());
  }

  stop(): void {
    this.#due = Infinity;
    this.#timer.clear();
  }

  /** Nothing arrives when a mute runs out. */
  #unmute(): void {
    const now = this.hooks.now();
    const due = this.#due;
    if (due > now) return this.plan();
    this.#due = Infinity;
    for (const [conversation, place] of this.places.entries()) {
      const { mutedUntilMs } = settingsAt(place, 0);
      if (mutedUntilMs >= due && mutedUntilMs <= now) this.touched(conversation);
      else if (mutedUntilMs > now) this.#expect(mutedUntilMs);
    }
  }

  #expect(mutedUntilMs: number): void {
    if (mutedUntilMs === 0 || mutedUntilMs >= this.#due || !this.hooks.wanted()) return;
    this.#due = mutedUntilMs;
    this.plan();
  }

  async #tell(): Promise<void> {
    // After everything else that the present change has to tell.
    await Promise.resolve();
    for (const conversation of this.#touched) {
      this.#touched.delete(conversation);
      try {
        this.hooks.emit(await this.#info(conversation));
      } catch (error) {
        this.hooks.failed(error);
      }
    }
  }

  async #info(conversation: string): Promise<ConversationInfo> {
    const last = await this.#last(conversation);
    const place = this.places.get(conversation);
    const { seq, delivered, read, unread, clearedTo } = place;
    const ownRead = Math.max(place.ownRead, this.hooks.readHere(conversation), clearedTo);
    const settings = settingsAt(place, this.hooks.now());
    this.#expect(settings.mutedUntilMs);
    const info = { conversation, seq, delivered, read, ownRead, unread, clearedTo, ...settings };
    return last ? { ...info, last } : info;
  }

  async #last(conversation: string): Promise<Message | undefined> {
    const { last } = this.places.get(conversation);
    if (last === 0) return undefined;
    const record = await this.store.get(keys.message(conversation, last));
    const message = record && this.#shown(conversation, last, record);
    if (message) return message;
    // It has disappeared, or turned out to be no message of its own.
    for (const [key, before] of await this.store.range({ ...ranges.messages(conversation, 0, last - 1), limit: lookBack, reverse: true })) {
      const message = this.#shown(conversation, seqOfKey(key), before);
      if (message) return message;
    }
    return undefined;
  }

  #shown(conversation: string, seq: number, record: Uint8Array): Message | undefined {
    const stored = decodeStored(record);
    const expires = expiresAt(stored.head);
    if (expires !== undefined && expires <= this.hooks.now()) return undefined;
    return messageOf(conversation, seq, stored, this.hooks.user, this.places.get(conversation));
  }
}
