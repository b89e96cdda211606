import type { GodwitError, MethodName, ResponseOf, State } from 'godwit-schemas';
import type { CallOptions, CallRequest } from '../calls.js';
import type { Client } from '../client-interface.js';
import { checkPlace, closedError, Composer, conversationOf, sharedConversation } from '../compose.js';
import { textOf, type CustomContent, type Reference, type SendContent, type TextContent } from '../content.js';
import { bareContent, decodeContent } from '../content-decode.js';
import { Emitter, type Listener } from '../emitter.js';
import type { ClientEvent, ConnectionState, ConversationInfo, ConversationSettings, EventMap, EventType } from '../events.js';
import type { PageOptions } from '../history.js';
import type { QueuedHead } from '../lane.js';
import type { MessageRef, SendOptions } from '../options.js';
import type { Sent, SentMessage } from '../sent.js';
import type { Shown as ShownPlace } from '../stored-message.js';
import { Typing } from '../typing.js';
import { abortable, Deferred, throwIfAborted } from '../wait.js';
import { Asks } from './asks.js';
import { ClockMirror } from './clock-mirror.js';
import type { FromLeader, FromTab, Params, Snapshot } from './messages.js';
import { pack, unpack } from './pack.js';
import type { TabChannel } from './platform.js';
import { SentMirror } from './sent-mirror.js';
import { Shown } from './shown.js';
import type { Rest } from './tallies.js';
import { Watching } from './watching.js';

export interface TabClientOptions {
  readonly tab: string;
  readonly channel: TabChannel;
  readonly newId: () => Uint8Array;
  /** Unix milliseconds of the device. */
  readonly now: () => number;
  readonly silenceMs: number;
  readonly typingEveryMs: number;
  /** Ends what this tab holds: its lead, if it has it. @throws what closing the real client throws. */
  left(): Promise<void>;
}

/** A tab's view of the client that all tabs share, be it in this tab or another. */
export class TabClient implements Client {
  readonly #options: TabClientOptions;
  readonly #asks: Asks;
  readonly #emitter = new Emitter(() => {});
  readonly #shown = new Shown(this.#emitter);
  readonly #watching: Watching;
  readonly #typing: Typing;
  readonly #joined = new Deferred<void>();
  /** Messages that no leader has kept yet, to be asked for again by `retry`. */
  readonly #unkept = new Map<string, Params<'send'>>();
  readonly #clock: ClockMirror;
  readonly #composer: Composer;
  #mirror: SentMirror | undefined;
  #leader: string | undefined;
  #user = '';
  #device = '';
  #connection: ConnectionState = 'idle';
  /** The app has called `connect`: every next leader is to connect, too. */
  #connects = false;
  #presence: State | undefined;
  /** This tab is in background; `connects`: it wanted to be connected before. */
  #resting: { readonly rest: Rest; readonly connects: boolean } | undefined;
  /** The app listens for changes of conversations. */
  #lists = false;
  #closed: Promise<void> | undefined;

  constructor(options: TabClientOptions) {
    this.#options = options;
    this.#asks = new Asks(options.tab, (message) => this.#post(message), options.silenceMs);
    this.#watching = new Watching(this.#asks, (event) => this.#emitter.emit(event));
    this.#clock = new ClockMirror(options.now);
    this.#composer = new Composer({
      user: () => this.#user,
      newId: options.newId,
      serverTimeMs: () => this.serverTimeMs(),
      take: (head, bytes) => this.#take(head, bytes),
    });
    this.#typing = new Typing((conversation) => this.#tellTyping(conversation), options.typingEveryMs);
    options.channel.onmessage = ({ data }) => this.#heard(unpack(data) as FromLeader);
  }

  /** Resolves when a leader has said where it stands. @throws GodwitError UNAVAILABLE when it is silent. */
  join(): Promise<void> {
    this.#hello();
    return this.#asks.heardUntil(this.#joined);
  }

  /** This tab was to lead, and cannot. */
  cannotLead(error: unknown): void {
    this.#joined.reject(error);
    this.#emitter.emit({ type: 'error', error: error instanceof Error ? error : new Error(String(error)) });
  }

  get user(): string {
    return this.#user;
  }

  get device(): string {
    return this.#device;
  }

  get connection(): ConnectionState {
    return this.#connection;
  }

  connect({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    this.#connects = true;
    const promise = abortable(this.#asks.ask('connect', undefined), signal);
    promise.catch(() => {});
    return promise;
  }

  async background({ close = false }: { close?: boolean } = {}): Promise<void> {
    if (this.#closed) throw closedError();
    const rest = close ? 'closed' : 'connected';
    this.#resting = { rest, connects: this.#resting?.connects || this.#connects };
    if (close) this.#connects = false;
    await this.#asks.ask('background', { rest });
  }

  foreground(): void {
    if (this.#closed) throw closedError();
    const connects = this.#resting?.connects ?? false;
    this.#resting = undefined;
    this.#connects ||= connects;
    this.#post({ for: 'leader', tab: this.#options.tab, kind: 'foreground', connects });
  }

  serverTimeMs(): number {
    return this.#clock.serverTimeMs();
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  send(to: string, content: string | Uint8Array | SendContent, options: SendOptions = {}): Sent {
    return this.#composer.send(to, content, options);
  }

  reply(to: string, message: MessageRef | Reference, content: string | Uint8Array | SendContent, options: SendOptions = {}): Sent {
    return this.#composer.reply(to, message, content, options);
  }

  edit(message: MessageRef, content: string | TextContent | CustomContent): Sent {
    return this.#composer.edit(message, content);
  }

  delete(message: MessageRef): Sent {
    return this.#composer.delete(message);
  }

  react(message: MessageRef, emoji: string): Sent {
    return this.#composer.react(message, emoji, false);
  }

  unreact(message: MessageRef, emoji: string): Sent {
    return this.#composer.react(message, emoji, true);
  }

  sendRaw(to: string, content: string | Uint8Array, options: SendOptions = {}): Sent {
    return this.#composer.sendRaw(to, content, options);
  }

  outbox(): readonly Sent[] {
    return this.#mirror!.list();
  }

  on<T extends EventType>(type: T, listener: Listener<T>): () => void {
    if (type === 'conversation') this.#list();
    return this.#emitter.on(type, listener);
  }

  stream<T extends EventType>(types?: readonly T[], { signal }: { signal?: AbortSignal } = {}): AsyncIterableIterator<EventMap[T]> {
    if (!types || (types as readonly EventType[]).includes('conversation')) this.#list();
    return this.#emitter.stream(types, signal) as AsyncIterableIterator<ClientEvent> as AsyncIterableIterator<EventMap[T]>;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<ClientEvent> {
    return this.stream();
  }

  async messages(conversation: string, options: PageOptions = {}): Promise<ShownPlace[]> {
    if (this.#closed) throw closedError();
    return this.#asks.ask('messages', { conversation: this.#conversation(conversation), options });
  }

  async conversations(): Promise<ConversationInfo[]> {
    if (this.#closed) throw closedError();
    return this.#asks.ask('conversations', undefined);
  }

  async markRead(conversation: string, seq: number): Promise<void> {
    if (this.#closed) throw closedError();
    checkPlace(seq);
    await this.#asks.ask('markRead', { conversation: this.#conversation(conversation), seq });
  }

  async setConversation(conversation: string, settings: ConversationSettings): Promise<void> {
    if (this.#closed) throw closedError();
    await this.#asks.ask('setConversation', { conversation: sharedConversation(this.#user, conversation), settings });
  }

  async clearConversation(conversation: string): Promise<void> {
    if (this.#closed) throw closedError();
    // A call id of its own: what the next leader asks again is not done again.
    await this.#asks.ask('clearConversation', { conversation: sharedConversation(this.#user, conversation), callId: this.#options.newId() });
  }

  typing(conversation: string): boolean {
    return this.#typing.tell(this.#conversation(conversation));
  }

  readonly presence: Client['presence'] = {
    watch: async (user, { signal } = {}) => {
      if (this.#closed) throw closedError();
      throwIfAborted(signal);
      await this.#watching.watch(user, signal);
    },
    unwatch: (user) => this.#watching.unwatch(user),
    of: (user) => this.#watching.of(user),
  };

  setPresence(state: State): void {
    this.#presence = state;
    this.#post({ for: 'leader', tab: this.#options.tab, kind: 'presence', state });
  }

  async call<M extends MethodName>(method: M, request: CallRequest<M>, { signal, timeoutMs }: CallOptions = {}): Promise<ResponseOf<M>> {
    if (this.#closed) throw closedError();
    throwIfAborted(signal);
    const answer = this.#asks.ask('call', { method, request, timeoutMs, callId: this.#options.newId() });
    return (await abortable(answer, signal)) as ResponseOf<M>;
  }

  async #close(): Promise<void> {
    // Nothing new is sent; what was sent before is kept first.
    const failure = await this.#asks.settled().catch((error: unknown) => error);
    const error = closedError();
    this.#asks.abandon(error);
    this.#connection = 'closed';
    this.#emitter.emit({ type: 'connection', state: 'closed' });
    this.#mirror?.abandon(error);
    this.#emitter.close();
    this.#post({ for: 'leader', tab: this.#options.tab, kind: 'bye' });
    this.#options.channel.onmessage = null;
    this.#options.channel.close();
    await this.#options.left();
    if (failure !== undefined) throw failure;
  }

  #take(head: QueuedHead, bytes: Uint8Array): Sent {
    if (this.#closed) throw closedError();
    const text = textOf(head.kind === 'bare' ? bareContent(bytes) : decodeContent(bytes).content);
    const sent = this.#mirror!.create({ ...head, text });
    this.#unkept.set(sent.id, { head, bytes });
    this.#keep(sent).catch(() => {
      // The message has failed: its state and its event say so.
    });
    return sent;
  }

  /** Has a message kept by the leader, whoever that is by then. Resolves when it is. */
  async #keep(sent: SentMessage): Promise<void> {
    try {
      const status = await this.#asks.ask('send', this.#unkept.get(sent.id)!, { patient: true });
      this.#unkept.delete(sent.id);
      this.#mirror!.merge(status);
    } catch (error) {
      // When the tab is closed nobody knows whether it was kept: it has not failed.
      if (!this.#closed) this.#mirror!.failed(sent, error as GodwitError);
      throw error;
    }
  }

  async #retry(sent: SentMessage): Promise<void> {
    if (!this.#unkept.has(sent.id)) return this.#asks.ask('retry', { id: sent.id });
    this.#mirror!.again(sent);
    await this.#keep(sent);
  }

  async #discard(sent: SentMessage): Promise<void> {
    if (!this.#unkept.has(sent.id) || sent.state !== 'failed') await this.#asks.ask('discard', { id: sent.id });
    this.#unkept.delete(sent.id);
    this.#mirror!.discarded(sent.id);
  }

  #heard(message: FromLeader): void {
    const { tab } = this.#options;
    if (message.for !== 'tabs' || (message.to !== undefined && message.to !== tab)) return;
    if (message.aheadMs !== undefined && (message.kind === 'lead' || message.leader === this.#leader)) this.#clock.told(message.aheadMs);
    if (message.kind === 'lead') return this.#led(message.leader, message.snapshot, message.to === tab);
    const current = message.leader === this.#leader;
    if (current || message.kind === 'pong') this.#asks.heard();
    const mirror = this.#mirror;
    // Before that the snapshot will say it.
    if (!mirror) return;
    switch (message.kind) {
      case 'answer':
        return this.#asks.answered(message.ask, message.value, message.error);
      case 'event':
        return this.#event(message, mirror, current);
      case 'queued':
        return mirror.merge(message.status);
      case 'discarded':
        return mirror.discarded(message.id);
    }
  }

  /** `current`: not of a leader that is gone. What such a one still told of messages is true all the same. */
  #event({ leader, number, event, sentAtMs }: Extract<FromLeader, { kind: 'event' }>, mirror: SentMirror, current: boolean): void {
    if (event.type === 'connection') {
      if (!current) return;
      this.#connection = event.state;
    }
    if (event.type === 'presence' && !this.#watching.arrived(event)) return;
    if (event.type === 'state' && !mirror.changed(event, sentAtMs)) return;
    if (number === 0) return this.#emitter.emit(event);
    this.#shown.show(event, (dealt) => this.#post({ for: 'leader', tab: this.#options.tab, kind: 'through', leader, event: number, dealt }));
  }

  /** Somebody leads from now on. */
  #led(leader: string, { user, device, connection, outbox, floors }: Snapshot, welcomed: boolean): void {
    if (leader === this.#leader) return;
    const first = this.#leader === undefined;
    this.#leader = leader;
    this.#user = user;
    this.#device = device;
    const mirror = (this.#mirror ??= new SentMirror({ user, emit: (event) => this.#emitter.emit(event), retry: (sent) => this.#retry(sent), discard: (sent) => this.#discard(sent) }));
    if (!welcomed) this.#hello();
    const moved = connection !== this.#connection;
    this.#connection = connection;
    const wanted = mirror.reconcile(outbox, new Set(this.#unkept.keys()), new Map(floors.map((floor) => [floor.conversation, floor])));
    this.#asks.lead(leader);
    this.#joined.resolve();
    if (first) return;
    // It connects at once: `connecting` is told when it is so.
    if (moved && connection !== 'idle') this.#emitter.emit({ type: 'connection', state: connection });
    if (this.#presence !== undefined) this.setPresence(this.#presence);
    if (this.#connects && !this.#closed) void this.connect();
    this.#watching.again();
    if (wanted.length > 0) void this.#follow(wanted, mirror);
  }

  /** What the leader that is gone may have done without a word. */
  async #follow(wanted: Params<'follow'>, mirror: SentMirror): Promise<void> {
    try {
      const found = await this.#asks.ask('follow', wanted, { patient: true });
      found.forEach((status, i) => (status ? mirror.merge(status) : mirror.unknown(wanted[i].id)));
    } catch (error) {
      if (!this.#closed) this.#emitter.emit({ type: 'error', error: error as Error });
    }
  }

  #hello(): void {
    this.#post({ for: 'leader', tab: this.#options.tab, kind: 'hello', rest: this.#resting?.rest, lists: this.#lists });
  }

  /** From the first listener on, the leader tells. */
  #list(): void {
    if (this.#lists) return;
    this.#lists = true;
    this.#post({ for: 'leader', tab: this.#options.tab, kind: 'lists' });
  }

  #tellTyping(conversation: string): boolean {
    if (this.#connection !== 'connected') return false;
    this.#post({ for: 'leader', tab: this.#options.tab, kind: 'typing', conversation });
    return true;
  }

  #conversation(name: string): string {
    return conversationOf(this.#user, name);
  }

  #post(message: FromTab): void {
    if (this.#connection !== 'closed' || message.kind === 'bye') this.#options.channel.postMessage(pack(message));
  }
}
