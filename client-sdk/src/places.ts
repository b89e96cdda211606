import type { ConversationSettings, Tick } from './events.js';
import { conversationOfKey, decodeRecord, encodeRecord, ranges } from './records.js';
import type { Store } from './store.js';

/** Where this device stands in a conversation. Numbers are places of its log. */
export interface Place {
  /** The last place that was delivered to this device, gaps included. */
  seq: number;
  /** Something was delivered: `seq` is known to the server too. */
  began: boolean;
  /** The highest floors that were told: delivered to, and read by, everyone else. */
  delivered: number;
  read: number;
  /** Unix milliseconds of the newest floor, by the server's clock. */
  floorAtMs: number;
  /** How far this user has read, on any device, as the server told. */
  ownRead: number;
  /** The app has dealt with everything up to here. */
  handed: number;
  /** Messages of others behind `readTo` that are stored here and count as unread. */
  unread: number;
  /** What is read up to here is taken out of `unread`. */
  readTo: number;
  /** The newest place that showed a message when it was stored. It may show none by now: see `conversations`. */
  last: number;
  /** Messages that are not stored and for which something waits to be folded into them. */
  waiting: number;
  /** Nothing lies before what is stored here. */
  pastDone: boolean;
  /** What the user has set of it, as the server told: see `settings`. */
  mutedUntilMs: number;
  archived: boolean;
  pinned: boolean;
  /** Nothing up to here is shown any more. */
  clearedTo: number;
  /** How far the feed was known when that was told: what is told of before then is older. */
  setAt: number;
  /** What was set here, and the server has not taken yet. */
  wish: ConversationSettings | undefined;
}

const start: Readonly<Place> = { seq: 0, began: false, delivered: 0, read: 0, floorAtMs: 0, ownRead: 0, handed: 0, unread: 0, readTo: 0, last: 0, waiting: 0, pastDone: false, mutedUntilMs: 0, archived: false, pinned: false, clearedTo: 0, setAt: 0, wish: undefined };

/** The places of all conversations, in memory as they are in the store. Only transactions change them. */
export class Places {
  #places = new Map<string, Readonly<Place>>();

  static async load(store: Store): Promise<Places> {
    const places = new Places();
    for (const [key, record] of await store.range(ranges.places)) {
      places.#places.set(conversationOfKey(key), { ...start, ...decodeRecord<Partial<Place>>(record).head });
    }
    return places;
  }

  get(conversation: string): Readonly<Place> {
    return this.#places.get(conversation) ?? start;
  }

  /** After its transaction was committed. */
  set(conversation: string, place: Readonly<Place>): void {
    this.#places.set(conversation, place);
  }

  entries(): IterableIterator<[string, Readonly<Place>]> {
    return this.#places.entries();
  }
}

/** Nothing is known of it: what was set was refused. */
export function isBlank(place: Readonly<Place>): boolean {
  return (Object.keys(start) as (keyof Place)[]).every((key) => place[key] === start[key]);
}

/** The user's own feed is a log like any other, and nobody's conversation. */
export function isFeed(conversation: string): boolean {
  return conversation.startsWith('u:');
}

export function encodePlace(place: Readonly<Place>): Uint8Array {
  return encodeRecord(place);
}

/** How far an own message has come, by the floors. One that disappears keeps its own tick: see `receipts`. */
export function tickAt(place: Readonly<Pick<Place, 'delivered' | 'read'>>, seq: number): Tick {
  if (seq <= place.read) return 'read';
  return seq <= place.delivered ? 'delivered' : 'sent';
}
