import type { MaybePromise } from './conversation-log.js';

/** Where a device stands in a conversation. All places are of that conversation's log. */
export interface DeviceCursor {
  /** Everything up to this place was delivered and acknowledged, or is not for this device (its own messages). */
  position: number;
  /** The last place that was delivered to it and acknowledged: what the device itself believes to be its place. */
  last: number;
  /** Something of this conversation was delivered to it: `last` is known to the device. */
  started: boolean;
  /** The floors that it was last told of and acknowledged. */
  toldDelivered: number;
  toldRead: number;
  /** Its own user's read cursor, as it was last told of it and acknowledged. */
  toldOwnRead: number;
}

/** Where a user stands in a conversation. */
export interface UserCursor {
  /** The highest place that any device of theirs ever had, revoked ones included; at least `read`. */
  delivered: number;
  /** Unix milliseconds of the step to `delivered`; 0 = never. */
  deliveredAtMs: number;
  read: number;
  readAtMs: number;
  /** The highest place acknowledged by a device: where a new device starts (reading does not move it). */
  start: number;
}

/** When a user's cursors reached a place: Unix milliseconds, 0 = not yet. */
export interface Reached {
  deliveredAtMs: number;
  readAtMs: number;
}

export type CursorKey = `${string}:${string}`;

/**
 * Cursors of devices and users.
 *
 * Device and delivered cursors are lazy: a move is visible to every later call at once, but durable only after the
 * next flush (200 ms at most): a crash delivers again. Read cursors are durable when `setRead` resolves.
 * Nothing ever moves back.
 */
export interface Cursors {
  /** undefined: the device holds no cursor in this conversation. */
  device(user: string, device: string, conversation: string): MaybePromise<DeviceCursor | undefined>;

  /** All conversations in which the device holds a cursor. */
  ofDevice(user: string, device: string): MaybePromise<Map<string, DeviceCursor>>;

  /** Moves a device's cursor (lazy). Fields never move back: the higher of old and new is kept. */
  moveDevice(user: string, device: string, conversation: string, cursor: DeviceCursor): void;

  /** Gives a device cursors for many conversations at once; durable when resolved (the start positions of a new device). */
  startDevice(user: string, device: string, cursors: ReadonlyMap<string, DeviceCursor>): Promise<void>;

  /** Drops every cursor of a device; those of its user stay. */
  forgetDevice(user: string, device: string): Promise<void>;

  /** Drops where the user stands in all conversations; their devices were forgotten before. */
  forgetUser(user: string): Promise<void>;

  /** Never undefined: a user without one stands at 0. */
  user(user: string, conversation: string): MaybePromise<Readonly<UserCursor>>;

  /**
   * Since when a user has a place, and has read it. Each cursor keeps its steps, 256 of them; before that the older ones
   * are merged with those after them, and the time told is the later one.
   */
  reached(user: string, conversation: string, seq: number): MaybePromise<Reached>;

  /** Raises a user's delivered cursor (lazy). Resolves or returns true if it moved. */
  moveDelivered(user: string, conversation: string, seq: number, atMs: number): MaybePromise<boolean>;

  /** Raises a user's read cursor, and with it `delivered`, not `start`. Durable when resolved. True if it moved. */
  setRead(user: string, conversation: string, seq: number, atMs: number): Promise<boolean>;

  /** Resolves when everything moved so far is durable. */
  flush(): Promise<void>;
}
