import type { Code, ControlTopic, LogTopic, MethodName, PublishTopic } from 'godwit-schemas';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Append, MaybePromise } from './conversation-log.js';
import type { Meters } from './meters.js';
import type { Storage } from './storage.js';

/** Why something is refused. `text` is for people and never repeats a body or a token. */
export interface Refusal {
  code: Code;
  text: string;
  /** Milliseconds after which a retry makes sense; only with codes that are worth one. */
  retryAfterMs?: number;
  detail?: Uint8Array;
}

/** Whom a token speaks for. */
export interface Identity {
  user: string;
  /** The device the token is bound to; undefined: any of the user's. */
  device: string | undefined;
  /** The claim `admin: true`. */
  admin: boolean;
  /** Unix milliseconds; 0 = never. */
  expiresAtMs: number;
  /** Unix milliseconds; left out: it is not known, and counts as before every revocation. */
  issuedAtMs?: number | undefined;
  /** A phone number of theirs that was proven, in E.164 with `+`. */
  phone?: string | undefined;
}

/** Who calls: a connection's session, or a bearer of a token at the HTTP door. */
export interface Caller extends Identity {
  /** The connection that asks; undefined at the HTTP door. */
  session: ConnectedSession | undefined;
  /** The address of the client, behind trusted proxies the one they name. */
  address: string;
}

/** Where the publishes to a topic go: resolved once for a connection and topic, then remembered. */
export interface LogRoute {
  conversation: string;
  /** In whose lists the conversation must stand. */
  members: readonly string[];
}

/** What a connected device looks like to plugins. */
export interface ConnectedSession {
  readonly user: string;
  readonly device: string;
  /** Names this connection; never given twice. */
  readonly connection: string;
  readonly address: string;
  readonly identity: Identity;
  /** Seconds; 0 = none. */
  readonly keepaliveS: number;
  /** A clean session: it starts at the heads and moves no cursor. */
  readonly live: boolean;
  /** Unix milliseconds of the last byte that arrived. */
  heardAtMs: number;
  /** Whether one of its filters matches the topic, and at which QoS; undefined: no. */
  takes(topic: string): 0 | 1 | undefined;
  /** Publishes at QoS 0 to this connection; dropped if it does not subscribe to the topic. */
  send(topic: string, payload: Uint8Array, retain?: boolean): void;
  /** Publishes at QoS 1; `acknowledged` is called at its PUBACK. Not resent: whoever sends must make good on the next connect. False: not sent, as no packet id is free yet or nothing takes it; try again a little later. */
  sendTracked(topic: string, payload: Uint8Array, acknowledged: () => void): boolean;
  /** A new token (`auth.renew`): when the connection ends from now on. */
  renew(identity: Identity): void;
  /** Ends the connection after a Result that says why. */
  end(refusal: Refusal): void;
}

/** The sessions that are connected to this node. */
export interface Hub {
  of(user: string): readonly ConnectedSession[];
  all(): Iterable<ConnectedSession>;
}

/**
 * @param callId empty: the call has none
 * @returns the response, or its encoded bytes
 */
export type MethodHandler = (caller: Caller, request: any, callId: Uint8Array) => MaybePromise<unknown>;

/** Thrown by method handlers and hooks: becomes the Result of the call. */
export class RefusedError extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.text);
  }
}

/** Counts takes by key against a rate. Bounded in keys; any string is a safe key. */
export interface Limiter {
  /** Takes so many (default 1; at most the burst). 0: they were free; else nothing was taken, and they will be free after so many milliseconds. */
  take(key: string, count?: number): number;
  /** What `take` would answer, without taking. */
  peek(key: string): number;
}

/**
 * What may be asked of another user: to message them, to tell them of typing, to see their presence, to have them in a
 * group (`invite`), and to add them to it without asking (`group`; who may not sends them an invitation).
 */
export type Reach = 'message' | 'typing' | 'presence' | 'invite' | 'group';

/** An entry of the server's own: of no user (`from` is empty), and silent. The Message has the same id. */
export type OwnEntry = Pick<Append, 'conversation' | 'members' | 'membership' | 'id'> & { readonly message: Uint8Array };

export interface PluginContext {
  readonly storage: Storage;
  readonly hub: Hub;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Unix milliseconds; tests steer it. */
  now(): number;
  /** Submits a message as if the caller had published it: same checks, same queue. Resolves when it is durable or refused. */
  publish(caller: Caller, topic: LogTopic, message: Uint8Array): Promise<Append>;
  /** Appends entries of the server's own, in the queue that all messages go through. Resolves when they are durable or refused: look at `code`. */
  append(entries: readonly OwnEntry[]): Promise<readonly Append[]>;
  /** Asks every plugin's `mayReach`; undefined: nobody objects. */
  mayReach(from: string, to: string, what: Reach): Promise<Refusal | undefined>;
  /** What the engine counts. */
  readonly meters: Meters;
  /** Asks every plugin's `authenticate` in turn, at the time it is now. UNAUTHENTICATED when none knows the token. */
  authenticate(token: string): MaybePromise<Identity | Refusal>;
  /** A rate limiter on the host's clock. `perMinute` 0 = no limit; `burst` (at least 1) is how many may be taken at once, `perMinute` if left out. */
  limiter(rate: { perMinute: number; burst?: number }): Limiter;
  /** A read cursor moved: tells every plugin's `read`. */
  readMoved(user: string, conversation: string, seq: number): void;
  /** Forgets every remembered route: after something that changes who may send to whom. */
  forgetRoutes(): void;
  /** What `user` lets `other` (undefined: anyone) do and see, and sees of them, has changed: forgets routes, and tells every plugin's `reachChanged`. */
  reachChanged(user: string, other?: string): void;
  /** Removes a user with everything that is kept of them, but what they wrote to others; their connections end. False: there was no such user. */
  removeUser(user: string, why: Refusal): Promise<boolean>;
  /** Calls a user's sessions to look at a conversation again. */
  wake(users: readonly string[], conversation: string): void;
}

/**
 * A capability, or someone's own additions. Everything is optional; plugins are asked in the order of their list.
 * A hook that throws RefusedError refuses with its code; any other error is INTERNAL and logged.
 */
export interface Plugin {
  readonly name: string;
  start?(context: PluginContext): MaybePromise<void>;
  stop?(): MaybePromise<void>;

  /** The auth hook: whom does this token speak for? undefined: ask the next plugin. A Refusal ends the asking. */
  authenticate?(token: string, nowMs: number): MaybePromise<Identity | Refusal | undefined>;
  /** A token was accepted, at whichever door: of a CONNECT, of a call by HTTP, of `auth.renew`. What it says of its user holds. */
  authenticated?(identity: Identity): MaybePromise<void>;
  /** May this caller message, or see the presence of, that user? The first Refusal decides. Asked when a route is resolved and when presence is told. */
  mayReach?(from: string, to: string, what: Reach): MaybePromise<Refusal | undefined>;

  /** What `mayReach` answers between this user and the other one (undefined: anyone) may have changed. */
  reachChanged?(user: string, other: string | undefined): MaybePromise<void>;

  /** A user is being removed, and is in the directory no more: whatever a plugin keeps of them goes. Asked again after a crash. An error is one of the removal. */
  userRemoved?(user: string): MaybePromise<void>;

  /** The ACL: may this caller publish to this topic at all? The first Refusal decides. Asked once for a connection and topic, not for every packet. */
  authorizePublish?(caller: Caller, topic: PublishTopic): MaybePromise<Refusal | undefined>;
  /** The ACL: may this session have this filter? Every plugin must agree; filters outside `filterGranted` are refused before anyone is asked. */
  authorizeSubscribe?(session: ConnectedSession, filter: string, qos: 0 | 1 | 2): MaybePromise<boolean>;

  /** Where publishes to this topic go. undefined: not mine. */
  route?(caller: Caller, topic: LogTopic): MaybePromise<LogRoute | Refusal | undefined>;
  /** What a publish to a control topic does; its PUBACK follows when this resolves. undefined: not mine. */
  control?: { readonly [K in ControlTopic['kind']]?: (session: ConnectedSession, topic: Extract<ControlTopic, { kind: K }>, payload: Uint8Array) => MaybePromise<Refusal | undefined> };
  /** The handlers of control calls. */
  methods?: { readonly [M in MethodName]?: MethodHandler };

  /** Asked for every message before it is appended. Bytes must not be changed. While a promise is pending, the connection is not read. */
  beforeAppend?(append: Append, caller: Caller): MaybePromise<Refusal | undefined>;
  /** Told of every batch that is durable (and of its refused and duplicate members: look at `code`). Must not throw or wait. */
  afterAppend?(batch: readonly Append[]): void;

  /** A session is ready: its CONNACK is written. */
  connected?(session: ConnectedSession): MaybePromise<void>;
  /** `heardAtMs` is final. Clean: it said DISCONNECT. */
  disconnected?(session: ConnectedSession, clean: boolean): void;
  /** The session's filters changed, or were restored: `added` are the new ones. */
  subscribed?(session: ConnectedSession, added: readonly string[]): MaybePromise<void>;
  /** The session dropped these filters. */
  unsubscribed?(session: ConnectedSession, removed: readonly string[]): MaybePromise<void>;
  /** A device acknowledged places up to `seq`: its user's delivered cursor may have moved. */
  delivered?(user: string, conversation: string, seq: number): void;
  /** A user's read cursor moved. */
  read?(user: string, conversation: string, seq: number): void;
}
