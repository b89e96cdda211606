import type { Cipher } from './cipher.js';
import type { Places } from './places.js';
import { ranges, seqOfKey } from './records.js';
import { decodeStored, expiresAt, openBody, show, type Shown } from './stored-message.js';
import type { Store } from './store.js';

export interface PageOptions {
  /** Only places before this one; left out: the newest. */
  readonly before?: number;
  /** At most this many. Default 50. */
  readonly limit?: number;
}

/** A conversation as this device knows it. Numbers are places of its log. */
export interface ConversationInfo {
  readonly conversation: string;
  /** The last place that was delivered to this device. */
  readonly seq: number;
  /** Everything up to here is delivered to, or read by, everyone else. */
  readonly delivered: number;
  readonly read: number;
  /** How far this user has read, on any device. */
  readonly ownRead: number;
}

/** What is stored, as the app reads it. */
export class History {
  constructor(
    private readonly store: Store,
    private readonly places: Places,
    private readonly cipher: Cipher,
    private readonly user: string,
    private readonly now: () => number,
  ) {}

  /** A page in the order of seq: messages, gaps, and what could not be decoded. Nothing that has disappeared. */
  async page(conversation: string, { before = Number.MAX_SAFE_INTEGER, limit = 50 }: PageOptions): Promise<Shown[]> {
    const rows = await this.store.range({ ...ranges.messages(conversation, 0, before - 1), limit, reverse: true });
    const shown: Shown[] = [];
    for (const [key, record] of rows.reverse()) {
      const one = await this.#show(conversation, seqOfKey(key), record);
      if (one) shown.push(one);
    }
    return shown;
  }

  conversations(readHere: (conversation: string) => number): ConversationInfo[] {
    return Array.from(this.places.entries(), ([conversation, { seq, delivered, read, ownRead }]) => {
      return { conversation, seq, delivered, read, ownRead: Math.max(ownRead, readHere(conversation)) };
    });
  }

  async #show(conversation: string, seq: number, record: Uint8Array): Promise<Shown | undefined> {
    let stored = decodeStored(record);
    const expires = expiresAt(stored.head);
    if (expires !== undefined && expires <= this.now()) return undefined;
    if (stored.head.kind === 'sealed') {
      // There may be a cipher for it by now. It stays stored as it came.
      const opened = await openBody(stored.head, stored.bytes, conversation, this.cipher);
      if (opened.head.kind === 'content') stored = opened;
    }
    return show(conversation, seq, stored, this.user, this.places.get(conversation));
  }
}
