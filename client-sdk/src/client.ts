import { Code, GodwitError, type MethodName, type ResponseOf, type State } from 'godwit-schemas';
import type { CallOptions, CallRequest } from './calls.js';
import { Clock } from './clock.js';
import { checkPlace, closedError, Composer, conversationOf, sharedConversation } from './compose.js';
import type { CustomContent, Reference, SendContent, TextContent } from './content.js';
import type { Listener } from './emitter.js';
import { defaultRandom, Engine } from './engine.js';
import type { ClientEvent, ConnectionChange, ConnectionState, ConversationInfo, ConversationSettings, EventMap, EventType, PresenceNotice } from './events.js';
import type { PageOptions } from './history.js';
import { identify } from './identity.js';
import { defaultTiming, type ClientOptions, type MessageRef, type SendOptions } from './options.js';
import { Places } from './places.js';
import type { Sent } from './sent.js';
import type { Shown } from './stored-message.js';
import { Tokens } from './token.js';
import type { Transport } from './transport.js';
import { abortable, Deferred } from './wait.js';

/** Read without `URL`: React Native's throws at `protocol` in most of its versions. */
const serverUrl = /^(mqtts?|wss?):\/\/[^\s/?#]+\S*$/i;

/** What `createClient` of every entry does: see there. */
export async function openClient(options: ClientOptions, defaultTransport: () => Transport): Promise<Client> {
  return (await openDevice(options, defaultTransport)).client;
}

/** A client and what is within: for the tab that leads the others. */
export async function openDevice(options: ClientOptions, defaultTransport: () => Transport): Promise<{ client: Client; engine: Engine }> {
  if (!serverUrl.test(options.url)) throw new GodwitError(Code.MALFORMED, `not the URL of a server: ${options.url}`);
  const timing = { ...defaultTiming, ...options.timing };
  const { backgroundKeepaliveS } = timing;
  if (!(backgroundKeepaliveS >= 300 && backgroundKeepaliveS <= 900)) throw new GodwitError(Code.MALFORMED, `not 300 to 900 seconds: ${backgroundKeepaliveS}`);
  const clock = await Clock.load(options.store, { now: options.now ?? Date.now, moved: (record) => engine.clockMoved(record) });
  const tokens = new Tokens(options.token, timing, () => clock.serverTimeMs());
  const identity = await identify(options.store, options, tokens, options.random ?? defaultRandom);
  const places = await Places.load(options.store);
  const connection: { changed(change: ConnectionChange): void } = { changed() {} };
  const engine: Engine = new Engine({ ...options, transport: options.transport ?? defaultTransport() }, identity, places, clock, tokens, (change) => connection.changed(change));
  await engine.load();
  const client = new Client(engine);
  connection.changed = (change) => client.connectionChanged(change);
  return { client, engine };
}

/** A device of a user: sends, receives, and keeps both in its store. Where a conversation is asked for, a user's id stands for the one with them. */
export class Client {
  #engine: Engine;
  #composer: Composer;
  #connecting: Deferred<void> | undefined;
  #started: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /** @internal Use `createClient`. */
  constructor(engine: Engine) {
    this.#engine = engine;
    this.#composer = new Composer({
      user: () => this.user,
      newId: () => engine.newId(),
      serverTimeMs: () => this.serverTimeMs(),
      take: (head, bytes) => {
        if (this.#closed) throw closedError();
        return engine.enqueue(head, bytes).sent;
      },
    });
  }

  /** Whose device it is. */
  get user(): string {
    return this.#engine.identity.user;
  }

  /** The name of this device, among those of the user. */
  get device(): string {
    return this.#engine.identity.device;
  }

  /** How the connection is now; `connection` events tell when it changes. */
  get connection(): ConnectionState {
    return this.#engine.link.state;
  }

  /**
   * Connects, and stays connected: after a lost connection it tries again by itself. Called while it waits to try
   * again, it tries at once; after `signed-out` or `taken-over`, it starts anew. Nobody need wait for the promise.
   * @returns a promise that resolves at the first connection.
   * @throws GodwitError UNAUTHENTICATED when the token is refused twice, TAKEN_OVER when the same device connects
   * elsewhere, UNAVAILABLE when the client is closed. The signal's reason when that aborts: it goes on connecting.
   */
  connect({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.connection === 'connected') return Promise.resolve();
    const connecting = (this.#connecting ??= new Deferred<void>());
    this.#started ??= this.#engine.handOverAgain();
    this.#started.then(
      () => this.#engine.link.connect(),
      (error) => {
        this.#started = undefined;
        this.#settle(error);
      },
    );
    const promise = abortable(connecting.promise, signal);
    promise.catch(() => {});
    return promise;
  }

  /**
   * The app is out of sight; call it when it has been for a few seconds. Others see AWAY. The connection gets a
   * keepalive of `backgroundKeepaliveS`, which takes one reconnect; then nothing is sent but an answer to what arrives,
   * and a ping when that time has passed. `connect()` in background stays in background.
   * @param options close: ends the connection instead, and keeps everything: for phones that a push wakes. Others see
   * OFFLINE.
   * @returns a promise that resolves when the system may put the app to sleep.
   * @throws GodwitError UNAVAILABLE when the client is closed.
   */
  async background({ close = false }: { close?: boolean } = {}): Promise<void> {
    if (this.#closed) throw closedError();
    await this.#engine.background(close);
  }

  /**
   * The app is in sight again: connects at once, or asks at once whether the connection is alive (it is given up after
   * `pingTimeoutMs` without an answer). Others see what `setPresence` says.
   * @throws GodwitError UNAVAILABLE when the client is closed.
   */
  foreground(): void {
    if (this.#closed) throw closedError();
    this.#engine.foreground();
  }

  /** What the server's clock says now, Unix milliseconds, as well as it is known: what `sentAtMs` and `expiresAtMs` are to be compared with. */
  serverTimeMs(): number {
    return this.#engine.clock.serverTimeMs();
  }

  /** Says goodbye to the server and closes the store. What waits in the outbox goes out after the next start. @throws what the store throws; it is closed all the same. */
  close(): Promise<void> {
    return (this.#closed ??= this.#engine.close());
  }

  /**
   * Sends a text, bytes of the app's own, or other content (`{ kind: 'location', … }`). It goes out by itself as soon
   * as that can be, once, and in the order of the calls to that conversation; also after a restart.
   * @param to a user, or a conversation's name.
   * @throws GodwitError MALFORMED when `to`, the content or an option is not valid, LIMIT_REACHED with 100,000 messages in the
   * outbox, UNAVAILABLE when the client is closed.
   */
  send(to: string, content: string | Uint8Array | SendContent, options: SendOptions = {}): Sent {
    return this.#composer.send(to, content, options);
  }

  /** Answers a message of that conversation. Otherwise as `send`. */
  reply(to: string, message: MessageRef | Reference, content: string | Uint8Array | SendContent, options: SendOptions = {}): Sent {
    return this.#composer.reply(to, message, content, options);
  }

  /**
   * Replaces what an own message says, for everyone. It goes out silently, and shows here once it is accepted. Of
   * several edits the one that the server places last counts. An edit of a message that disappears does so too.
   * @throws GodwitError NOT_ALLOWED when the message is someone else's; otherwise as `send`.
   */
  edit(message: MessageRef, content: string | TextContent | CustomContent): Sent {
    return this.#composer.edit(message, content);
  }

  /** Takes an own message back, for everyone and for good. Otherwise as `edit`. */
  delete(message: MessageRef): Sent {
    return this.#composer.delete(message);
  }

  /**
   * Reacts to a message with an emoji of at most 64 bytes; once with each. At a message the last 20 emojis of a user
   * are remembered. It goes out silently, and shows here once it is accepted.
   * @throws GodwitError as `send`.
   */
  react(message: MessageRef, emoji: string): Sent {
    return this.#composer.react(message, emoji, false);
  }

  /** Takes a reaction back. Otherwise as `react`. */
  unreact(message: MessageRef, emoji: string): Sent {
    return this.#composer.react(message, emoji, true);
  }

  /** Sends plain bytes, for a device that does not speak the content schema. They are not encrypted. Otherwise as `send`. */
  sendRaw(to: string, content: string | Uint8Array, options: SendOptions = {}): Sent {
    return this.#composer.sendRaw(to, content, options);
  }

  /** What is queued or has failed, in order; of earlier runs too. */
  outbox(): readonly Sent[] {
    return this.#engine.outboxStore.list();
  }

  /** Listens. What the listener returns is waited for before a message counts as dealt with. @returns stops listening. */
  on<T extends EventType>(type: T, listener: Listener<T>): () => void {
    return this.#engine.emitter.on(type, listener);
  }

  /**
   * Events, one after the other. While 1,000 wait to be taken, no further message is received. A message counts as
   * dealt with when the next event is asked for. Ends when the signal aborts or the client is closed.
   * @param types only these; left out: all.
   */
  stream<T extends EventType>(types?: readonly T[], { signal }: { signal?: AbortSignal } = {}): AsyncIterableIterator<EventMap[T]> {
    return this.#engine.emitter.stream(types, signal) as AsyncIterableIterator<ClientEvent> as AsyncIterableIterator<EventMap[T]>;
  }

  /** All events. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ClientEvent> {
    return this.stream();
  }

  /**
   * A page of what is stored of a conversation, in order: messages with what is folded into them (edits, reactions,
   * deletions), gaps, and what could not be decoded.
   */
  messages(conversation: string, options: PageOptions = {}): Promise<Shown[]> {
    return this.#engine.history.page(this.#conversation(conversation), options);
  }

  /** The conversations that this device knows, those with the newest message first. One read of the store for each. */
  conversations(): Promise<ConversationInfo[]> {
    return this.#engine.conversations.list();
  }

  /** Read up to this place. Resolves when it is kept; it is told to the server as soon as that can be. */
  async markRead(conversation: string, seq: number): Promise<void> {
    checkPlace(seq);
    await this.#engine.markRead(this.#conversation(conversation), seq);
  }

  /**
   * Mutes, archives or pins a conversation, for this user and on all their devices. It shows at once, and resolves when
   * it is kept: it is told to the server as soon as that can be, also after a restart. Of two devices the one that the
   * server hears last counts. What it refuses is undone, with an `error` event. The SDK shows it, and holds nothing back:
   * what is muted makes events as before.
   * @throws GodwitError MALFORMED for what is no time or no conversation, UNAVAILABLE when the client is closed.
   */
  async setConversation(conversation: string, settings: ConversationSettings): Promise<void> {
    if (this.#closed) throw closedError();
    await this.#engine.settings.set(this.#shared(conversation), settings);
  }

  /**
   * Clears a conversation, for this user and on all their devices: what the server has of it now is taken out of the
   * store, counts as read, and does not come back. A `cleared` event tells. Resolves when that is done here.
   * @throws GodwitError UNAVAILABLE when not connected, for it would clear what comes meanwhile, or when there is no
   * answer: it may be done all the same; UNKNOWN_CONVERSATION when the server has none of it.
   */
  async clearConversation(conversation: string): Promise<void> {
    if (this.#closed) throw closedError();
    await this.#engine.settings.clear(this.#shared(conversation));
  }

  /** Tells that this user is typing. True if it was told: not while offline, and at most once a second. */
  typing(conversation: string): boolean {
    return this.#engine.typing.tell(this.#conversation(conversation));
  }

  /** Who is there, of those whom this app asks for. */
  readonly presence = {
    /**
     * Asks to be told of a user's presence, by `presence` events. Resolves when the server grants it.
     * @throws GodwitError NOT_ALLOWED when it does not.
     */
    watch: (user: string, { signal }: { signal?: AbortSignal } = {}): Promise<void> => this.#engine.presence.watch(user, signal),
    /** No more of that. A `watch` that waits for the grant rejects with CONFLICT. */
    unwatch: (user: string): Promise<void> => this.#engine.presence.unwatch(user),
    /** The last that was told. */
    of: (user: string): PresenceNotice | undefined => this.#engine.presence.of(user),
  };

  /** What this device says of itself: ONLINE (as when it connects), AWAY in background. Told again after every reconnect. */
  setPresence(state: State): void {
    this.#engine.presence.set(state);
  }

  /**
   * A control call.
   * @throws GodwitError the refusal; UNAVAILABLE when there is no answer in time; LIMIT_REACHED with 256 open calls.
   */
  async call<M extends MethodName>(method: M, request: CallRequest<M>, options?: CallOptions): Promise<ResponseOf<M>> {
    if (this.#closed) throw closedError();
    return this.#engine.calls.call(method, request, options);
  }

  /** @internal */
  connectionChanged(change: ConnectionChange): void {
    const { state, error } = change;
    if (state === 'connected') this.#settle();
    else if (state === 'closed') this.#settle(closedError());
    else if (state === 'signed-out' || state === 'taken-over') this.#settle(error);
    this.#engine.emitter.emit(change);
  }

  #settle(error?: unknown): void {
    const connecting = this.#connecting;
    this.#connecting = undefined;
    if (error === undefined) connecting?.resolve();
    else connecting?.reject(error);
  }

  #shared(name: string): string {
    return sharedConversation(this.user, name);
  }

  #conversation(name: string): string {
    return conversationOf(this.user, name);
  }
}
