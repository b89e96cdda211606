import type { MethodName, State } from 'godwit-schemas';
import type { ClientEvent, ConnectionState, ConversationInfo, ConversationSettings, PresenceNotice, SentState } from '../events.js';
import type { PageOptions } from '../history.js';
import type { QueuedHead } from '../lane.js';
import type { Sent } from '../sent.js';
import type { Shown } from '../stored-message.js';
import type { Rest } from './tallies.js';

/** What tabs say to one another, before `pack`. */

/** How an own message stands with the leader. */
export interface SentStatus extends Pick<Sent, 'id' | 'conversation' | 'text' | 'seq' | 'sentAtMs' | 'expiresInS' | 'error'> {
  readonly state: SentState;
}

/** What a tab asks of the leader, and what it is answered. */
export interface Requests {
  connect: [params: undefined, answer: undefined];
  /** Kept, or failed. */
  send: [params: { head: QueuedHead; bytes: Uint8Array }, answer: SentStatus];
  /** What became of own messages; undefined: it is neither in the outbox nor among the messages. */
  follow: [params: { id: string; conversation: string }[], answer: (SentStatus | undefined)[]];
  retry: [params: { id: string }, answer: undefined];
  discard: [params: { id: string }, answer: undefined];
  messages: [params: { conversation: string; options: PageOptions }, answer: Shown[]];
  conversations: [params: undefined, answer: ConversationInfo[]];
  markRead: [params: { conversation: string; seq: number }, answer: undefined];
  setConversation: [params: { conversation: string; settings: ConversationSettings }, answer: undefined];
  clearConversation: [params: { conversation: string; callId: Uint8Array }, answer: undefined];
  background: [params: { rest: Rest }, answer: undefined];
  watch: [params: { user: string }, answer: PresenceNotice | undefined];
  unwatch: [params: { user: string }, answer: undefined];
  call: [params: { method: MethodName; request: object; timeoutMs: number | undefined; callId: Uint8Array }, answer: object];
}

export type RequestName = keyof Requests;
export type Params<R extends RequestName> = Requests[R][0];
export type Answer<R extends RequestName> = Requests[R][1];

/** An ask of any kind. */
export type Request = { [R in RequestName]: { name: R; params: Params<R> } }[RequestName];

export type FromTab = { readonly for: 'leader'; readonly tab: string } & (
  | { readonly kind: 'ping' | 'bye' }
  /** `rest`: it is in background. `lists`: it is to be told when a conversation changes. */
  | { readonly kind: 'hello'; readonly rest: Rest | undefined; readonly lists: boolean }
  | { readonly kind: 'lists' }
  /** `connects`: by itself the tab would be connected. */
  | { readonly kind: 'foreground'; readonly connects: boolean }
  /** `leader`: nobody else answers. `again`: an earlier leader was asked too, and may have done it. */
  | { readonly kind: 'ask'; readonly leader: string; readonly ask: number; readonly again: boolean; readonly request: Request }
  /** This tab is through with an event; `dealt`: somebody listened. */
  | { readonly kind: 'through'; readonly leader: string; readonly event: number; readonly dealt: boolean }
  | { readonly kind: 'typing'; readonly conversation: string }
  | { readonly kind: 'presence'; readonly state: State }
);

/** How far a conversation is delivered to, and read by, everyone else. */
export type Floor = Pick<ConversationInfo, 'conversation' | 'delivered' | 'read'>;

/** Where the leader stands: what a tab must know without asking. */
export interface Snapshot {
  readonly user: string;
  readonly device: string;
  readonly connection: ConnectionState;
  readonly outbox: readonly SentStatus[];
  readonly floors: readonly Floor[];
}

export interface ToTabs {
  readonly for: 'tabs';
  readonly leader: string;
  /** One tab; left out: all. */
  readonly to?: string;
  /** The server's clock minus the local one, milliseconds; once the store is open. */
  readonly aheadMs?: number;
}

export type FromLeader = ToTabs & (
  | { readonly kind: 'lead'; readonly snapshot: Snapshot }
  /** `clock`: as `aheadMs` says. */
  | { readonly kind: 'pong' | 'clock' }
  | { readonly kind: 'answer'; readonly ask: number; readonly value?: unknown; readonly error?: unknown }
  /** `number` 0: the leader does not wait for anyone to be through with it. */
  | { readonly kind: 'event'; readonly number: number; readonly event: ClientEvent; readonly sentAtMs?: number }
  | { readonly kind: 'queued'; readonly status: SentStatus }
  | { readonly kind: 'discarded'; readonly id: string }
);
