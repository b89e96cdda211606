import type { GodwitError, Reason, State } from 'godwit-schemas';
import type { Content, Reference } from './content.js';

/** How far an own message has come. `delivered` and `read`: by everyone else in the conversation. */
export type Tick = 'sent' | 'delivered' | 'read';

/** Who has reacted to a message with an emoji, in the order of places. */
export interface ReactionCount {
  readonly emoji: string;
  readonly users: readonly string[];
}

/** A message as the app sees it, with everything that was folded into it: edits, reactions, a deletion. */
export interface Message {
  readonly type: 'message';
  /** `d:alice:bob`, `g:<group>`, or `u:<user>` for the user's own feed. */
  readonly conversation: string;
  /** Its place in the conversation. */
  readonly seq: number;
  /** A ULID of 26 letters. Together with `from` its identity. */
  readonly id: string;
  readonly from: string;
  /** Empty when it was sent by HTTP. */
  readonly fromDevice: string;
  /** Sent by this user, from this device or another. */
  readonly own: boolean;
  /** Server clock, Unix milliseconds. */
  readonly sentAtMs: number;
  /** Unix milliseconds when it disappears. */
  readonly expiresAtMs?: number;
  /** Raises no unread count. */
  readonly silent: boolean;
  readonly content: Content;
  /** What can be shown as text: of a text, and of plain bytes. */
  readonly text: string | undefined;
  /** The message that it answers; it may not be stored here. */
  readonly replyTo?: Reference;
  /** Server clock, Unix milliseconds, when it was edited: `content` is what it says since. */
  readonly editedAtMs?: number;
  readonly reactions: readonly ReactionCount[];
  /** Of own messages only. */
  readonly tick?: Tick;
  /** The process ended before the app had dealt with it: it was handed over then, perhaps, and is now once more. */
  readonly again?: true;
}

/**
 * A message that is stored here is now another: it was edited, reacted to or deleted, or can be read at last. An own
 * reaction, edit or deletion shows once it is accepted.
 */
export interface MessageChange {
  readonly type: 'changed';
  readonly conversation: string;
  /** The message as it is now. */
  readonly message: Message;
  /** As with a message: the app may have dealt with this change before. */
  readonly again?: true;
}

/** What a user sets of a conversation, for themselves, on all their devices. What is left out stays as it is. */
export interface ConversationSettings {
  /** Server clock, Unix milliseconds, when it is to notify again; `Infinity`: never; 0: it is not muted. */
  readonly mutedUntilMs?: number;
  readonly archived?: boolean;
  readonly pinned?: boolean;
}

/** A conversation as this device knows it. Numbers are places of its log. */
export interface ConversationInfo extends Required<ConversationSettings> {
  readonly conversation: string;
  /** The last place that was delivered to this device. */
  readonly seq: number;
  /** Everything up to here is delivered to, or read by, everyone else. */
  readonly delivered: number;
  readonly read: number;
  /** How far this user has read, on any device. */
  readonly ownRead: number;
  /**
   * Messages of others that are stored here, behind `ownRead`. Silent and deleted ones, and what is folded into others,
   * do not count.
   */
  readonly unread: number;
  /** Nothing up to here is shown to this user any more: see `clearConversation`. */
  readonly clearedTo: number;
  /** The newest message that is stored here. It is looked for among the last 256 places. */
  readonly last?: Message;
}

/** A conversation has changed: its last message, its unread count, a floor, what is set of it. Many changes at once are told as one. */
export interface ConversationChange extends ConversationInfo {
  readonly type: 'conversation';
}

/** This user has cleared a conversation, on this device or another. */
export interface ClearNotice {
  readonly type: 'cleared';
  readonly conversation: string;
  /** Everything up to this place is gone from the store. */
  readonly to: number;
}

/** Places of a conversation that this device is not given. */
export interface GapNotice {
  readonly type: 'gap';
  readonly conversation: string;
  /** First and last place, both included. */
  readonly from: number;
  readonly to: number;
  /** Why; `unexplained`: the server left them out without a word, which it must not. */
  readonly reason: Reason | 'unexplained';
  readonly again?: true;
}

/** Something arrived that is not what it should be. It is acknowledged and kept. */
export interface Undecodable {
  readonly type: 'undecodable';
  readonly topic: string;
  /** What came: the body of a message, or the whole payload. */
  readonly bytes: Uint8Array;
  /** What is wrong with it, for people. */
  readonly reason: string;
  /** The message whose body it is; undefined when the payload is no message. */
  readonly message: Message | undefined;
  readonly again?: true;
}

/** How far an own message has come; `failed`: refused for good, or it could not be kept. */
export type SentState = 'queued' | Tick | 'failed';

/** An own message has come further, or failed. */
export interface StateChange {
  readonly type: 'state';
  readonly conversation: string;
  readonly id: string;
  readonly state: SentState;
  /** From `sent` on. */
  readonly seq?: number;
  /** With `failed`. */
  readonly error?: GodwitError;
}

/** The others of a conversation have come further (their floor), or this user has read on another device. */
export interface ReceiptNotice {
  readonly type: 'receipt';
  readonly conversation: string;
  /** Everything up to here is delivered to everyone else. */
  readonly delivered: number;
  /** Everything up to here was read by everyone else. */
  readonly read: number;
  /** How far this user has read, on any device. */
  readonly ownRead: number;
  /** Server clock, Unix milliseconds, when that was so. */
  readonly atMs: number;
}

/** Someone types. It is told again while they do, and never that they have stopped: let it fade after a few seconds. */
export interface TypingNotice {
  readonly type: 'typing';
  readonly conversation: string;
  readonly from: string;
}

/** Whether a user whom this app watches is there. State is OFFLINE, ONLINE, or AWAY (in background). */
export interface PresenceNotice {
  readonly type: 'presence';
  readonly user: string;
  readonly state: State;
  /** Unix milliseconds; 0 = never. */
  readonly lastSeenMs: number;
}

/** How the connection is. */
export type ConnectionState =
  /** Not asked to connect yet, or closed by `background({ close: true })`. */
  | 'idle'
  | 'connecting'
  | 'connected'
  /** Not connected; tried again at `retryAtMs`. */
  | 'waiting'
  /** The token was refused twice: `connect()` again once there is a better one. */
  | 'signed-out'
  /** The same device connected elsewhere. Not fought: `connect()` takes it back. */
  | 'taken-over'
  | 'closed';

/** The connection is another one than before, or is none. */
export interface ConnectionChange {
  readonly type: 'connection';
  readonly state: ConnectionState;
  /** With `waiting`: Unix milliseconds. */
  readonly retryAtMs?: number;
  /** Why it is not connected. */
  readonly error?: Error;
}

/** Something failed that no promise stands for: the store could not be written, a read mark was refused. */
export interface Trouble {
  readonly type: 'error';
  readonly error: Error;
}

/** The events by their type, as `Client.on` and `Client.stream` take it. */
export interface EventMap {
  message: Message;
  changed: MessageChange;
  conversation: ConversationChange;
  cleared: ClearNotice;
  gap: GapNotice;
  undecodable: Undecodable;
  state: StateChange;
  receipt: ReceiptNotice;
  typing: TypingNotice;
  presence: PresenceNotice;
  connection: ConnectionChange;
  error: Trouble;
}

/** The type of an event. */
export type EventType = keyof EventMap;
/** Any event; `type` tells them apart. */
export type ClientEvent = EventMap[EventType];
