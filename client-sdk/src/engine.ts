import { Code, createUlid, GodwitError, publishTopics, type FillRandom } from 'godwit-schemas';
import { Calls } from './calls.js';
import { plainCipher, type Cipher } from './cipher.js';
import type { Clock } from './clock.js';
import { Controls } from './controls.js';
import { Conversations } from './conversations.js';
import { Deliveries } from './deliveries.js';
import { dispatch } from './dispatch.js';
import { Emitter } from './emitter.js';
import type { ClientEvent, ConnectionChange, Tick } from './events.js';
import { Expiry } from './expiry.js';
import { Handover, unhanded } from './handover.js';
import { History } from './history.js';
import type { Identity } from './identity.js';
import { Inbox } from './inbox.js';
import type { QueuedHead } from './lane.js';
import { Link } from './link.js';
import { Listing } from './listing.js';
import { Messages } from './messages.js';
import { defaultTiming, type ClientOptions, type Debug, type Timing } from './options.js';
import { Outbox } from './outbox.js';
import { Past } from './past.js';
import { OutboxStore } from './outbox-store.js';
import { tickAt, type Places } from './places.js';
import { Presence } from './presence.js';
import { Reads } from './reads.js';
import { keys, partsOfSealedKey, ranges, seqOfKey } from './records.js';
import { Renewal } from './renewal.js';
import { Handles, type SentMessage } from './sent.js';
import { Settings } from './settings.js';
import { decodeStored, expiresAt, show } from './stored-message.js';
import type { Store } from './store.js';
import type { Tokens } from './token.js';
import { Typing } from './typing.js';
import { readUpTo } from './unread.js';
import { WriteQueue } from './write-queue.js';

export const defaultRandom: FillRandom = (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
const defaultWindow = 32;

/** The parts of a client, put together. */
export class Engine {
  readonly timing: Timing;
  readonly debug: Debug;
  readonly newId: () => Uint8Array;
  readonly emitter: Emitter;
  readonly handles = new Handles();
  readonly writes: WriteQueue;
  readonly inbox: Inbox;
  readonly outboxStore: OutboxStore;
  readonly outbox: Outbox;
  readonly controls: Controls;
  readonly calls: Calls;
  readonly reads: Reads;
  readonly presence: Presence;
  readonly typing: Typing;
  readonly messages: Messages;
  readonly history: History;
  readonly conversations: Conversations;
  readonly settings: Settings;
  readonly link: Link;
  readonly #store: Store;
  readonly #handover: Handover;
  readonly #expiry: Expiry;
  readonly #renewal: Renewal;
  readonly #listing: Listing;
  /** Told when the server's clock is another than was thought. */
  onClock: () => void = () => {};

  constructor(
    options: ClientOptions & Required<Pick<ClientOptions, 'transport'>>,
    readonly identity: Identity,
    readonly places: Places,
    readonly clock: Clock,
    tokens: Tokens,
    onConnection: (change: ConnectionChange) => void,
  ) {
    const { store, random = defaultRandom, now = Date.now, debug = () => {}, cipher = plainCipher as Cipher } = options;
    const { user, device } = identity;
    this.#store = store;
    this.debug = debug;
    const timing = (this.timing = { ...defaultTiming, ...options.timing });
    this.newId = createUlid(now, random);
    const failed = (error: unknown): void => this.#failed(error);
    const expecting = (): void => this.link.expecting();
    const emit = (event: ClientEvent): void => this.emitter.emit(event);
    const ticked = (conversation: string, seq: number, id: string, tick: Tick): void => this.#ticked(conversation, seq, id, tick);
    const expires = (atMs: number): void => this.#expiry.look(atMs);

    this.emitter = new Emitter(() => this.inbox.wake());
    this.writes = new WriteQueue(store);
    this.inbox = new Inbox(store, places, {
      hasRoom: () => this.emitter.hasRoom,
      before: (tx) => this.#handover.into(tx),
      failed: (error) => {
        failed(error);
        this.link.drop(error as Error);
      },
    });
    this.#handover = new Handover(() => void this.inbox.run(() => {}).catch(failed));
    const touched = (conversation: string): void => this.conversations.touched(conversation);
    this.messages = new Messages({ user, cipher, debug, expires, touched, emit });
    this.#expiry = new Expiry(store, this.inbox, this.messages, clock, () => this.#renewal.measure(), failed);

    const sent = {
      watch: (message: SentMessage) => this.#watch(message),
      text: (message: SentMessage) => this.outboxStore.text(message.id),
      retry: async (message: SentMessage) => this.outbox.saved(await this.outboxStore.retry(message, (item) => this.outbox.add(item))),
      discard: (message: SentMessage) => this.outboxStore.discard(message),
    };
    this.outboxStore = new OutboxStore({ user, device, handles: this.handles, sent, emit, ticked }, this.writes, this.messages);
    this.outbox = new Outbox(
      {
        ...{ user, cipher, timing, random, debug, failed, expecting },
        run: (apply) => this.inbox.run(apply),
        noResult: () => this.#noResult(),
        measured: (serverMs, askedAt) => clock.measured(serverMs, askedAt),
      },
      this.outboxStore,
      options.window ?? defaultWindow,
    );
    this.controls = new Controls(expecting);
    this.calls = new Calls(this.controls, this.newId, timing.callTimeoutMs);
    this.reads = new Reads(this.controls, this.writes, { timing, random, failed });
    this.presence = new Presence(this.controls, { user, emit, failed });
    this.typing = new Typing((conversation) => this.controls.publishOnce(publishTopics.typing(conversation), new Uint8Array(0)), timing.typingEveryMs);
    const shownAt = (): number => {
      // What is hidden by a clock in doubt is shown again when the server has told its time.
      this.#expiry.wake();
      return clock.serverTimeMs();
    };
    this.history = new History(store, places, { user, now: shownAt, fetch: (conversation, limit) => past.fetch(conversation, limit), open: (conversation, seqs) => this.#open(seqs.map((seq) => ({ conversation, seq }))) });
    this.conversations = new Conversations(store, places, {
      user,
      now: shownAt,
      listed: () => this.#listing.ensure(),
      readHere: (conversation) => this.reads.seq(conversation),
      wanted: () => this.emitter.wants('conversation'),
      emit: (info) => emit({ type: 'conversation', ...info }),
      failed,
    });
    this.#renewal = new Renewal(tokens, this.calls, clock, debug);

    const deliveries = new Deliveries(
      {
        ...{ cipher, debug },
        emit: (event, conversation, seq) => this.#handOver(event, conversation, seq),
        set: (state, seq, tx) => this.settings.apply(state, seq, tx),
        missed: (tx) => this.#listing.missed(tx),
      },
      this.messages,
    );
    const { inbox, outbox, controls, calls, presence, emitter } = this;
    const connected = (): boolean => this.link.state === 'connected';
    const past = new Past(store, places, calls, inbox, deliveries, { debug, connected });
    this.settings = new Settings(places, calls, inbox, this.messages, { user, timing, random, connected, touched, failed });
    this.#listing = new Listing(store, places, calls, inbox, past, this.settings, { user, debug, connected });
    const receipts = { user, emit, ticked, touched };
    this.link = new Link({
      url: options.url,
      user,
      device,
      transport: options.transport,
      tokens,
      timing,
      random,
      now,
      debug,
      network: options.network,
      state: onConnection,
      ready: (connection, fresh, token) => {
        this.controls.ready(connection);
        this.presence.ready(connection, fresh);
        this.calls.ready();
        this.reads.ready();
        this.outbox.ready(connection);
        this.#renewal.start(token);
        this.#expiry.wake();
        this.settings.ready();
        if (this.emitter.wants('conversation')) void this.#listing.ensure();
        else this.#listing.ready();
      },
      packet: (packet, connection) => dispatch(packet, connection, { inbox, deliveries, outbox, controls, calls, presence, emitter, receipts, link: this.link, debug }),
      lost: (connection) => {
        this.#renewal.stop();
        this.inbox.lost(connection);
        this.outbox.lost();
        this.controls.lost();
        this.reads.lost();
        this.presence.lost();
      },
      waiting: () => this.outbox.waiting || this.controls.waiting || this.calls.waiting,
    });
  }

  /** Takes in what an earlier run left. */
  async load(): Promise<void> {
    await this.reads.load(this.#store);
    await this.#listing.load();
    for (const item of await this.outboxStore.load(this.#store)) this.outbox.add(item);
    await this.#expiry.sweep();
    // The process may have ended between the mark and the count.
    for (const [conversation, { readTo }] of [...this.places.entries()]) {
      const seq = this.reads.seq(conversation);
      if (seq > readTo) await this.#countRead(conversation, seq);
    }
    for (let from: string = ranges.sealed.from; ; ) {
      const sealed = (await this.#store.range({ ...ranges.sealed, from, limit: 256 })).map(([key]) => key);
      if (sealed.length > 0) await this.#open(sealed.map(partsOfSealedKey));
      if (sealed.length < 256) return;
      from = `${sealed[sealed.length - 1]}\0`;
    }
  }

  /** The app has read up to here. Resolves when it is kept. */
  async markRead(conversation: string, seq: number): Promise<void> {
    await this.reads.mark(conversation, seq);
    await this.#countRead(conversation, seq);
  }

  /** Hands over what the app had not dealt with when the last process ended. */
  async handOverAgain(): Promise<void> {
    const { user, device } = this.identity;
    for (const { conversation, from, to } of [...unhanded(this.places)]) {
      await this.inbox.run(async (tx) => {
        for await (const [key, record] of tx.rows(ranges.messages(conversation, from, to))) {
          const stored = decodeStored(record);
          const expires = expiresAt(stored.head);
          if (stored.head.from === user && stored.head.device === device) continue;
          if (expires !== undefined && expires <= this.clock.serverTimeMs()) continue;
          const seq = seqOfKey(key);
          const event = show(conversation, seq, stored, user, this.places.get(conversation)) ?? (await this.messages.changedBy(conversation, stored, tx));
          if (event) tx.after(() => this.#handOver({ ...event, again: true }, conversation, seq));
        }
      });
    }
  }

  /** What was planned by the clock is planned anew. */
  clockMoved(record: Uint8Array): void {
    this.writes.write([{ key: keys.clock, value: record }]).catch((error) => this.#failed(error));
    this.#renewal.plan();
    this.#expiry.plan();
    this.conversations.plan();
    this.onClock();
  }

  async background(close: boolean): Promise<void> {
    const resting = this.link.background(close);
    this.presence.setBackground(true, !close && !this.link.replacing);
    await resting;
  }

  foreground(): void {
    this.link.foreground();
    this.presence.setBackground(false, true);
    this.#expiry.wake();
  }

  /**
   * Takes a new message into the outbox. `kept` resolves when it is in the store, or has failed (its state says which).
   * @throws GodwitError LIMIT_REACHED
   */
  enqueue(head: QueuedHead, bytes: Uint8Array): { sent: SentMessage; kept: Promise<void> } {
    const item = this.outboxStore.create(head, bytes);
    this.outbox.add(item);
    const kept = this.outboxStore.keep(item).then(
      () => this.outbox.saved(item),
      // The message has failed: its state and its event say so.
      () => this.outbox.drop(item),
    );
    return { sent: item.sent, kept };
  }

  async close(): Promise<void> {
    const error = new GodwitError(Code.UNAVAILABLE, 'the client is closed');
    await this.link.close();
    this.#expiry.stop();
    this.conversations.stop();
    this.settings.stop();
    this.calls.abandon(error);
    this.presence.abandon(error);
    this.handles.abandon(error);
    this.emitter.close();
    await this.inbox.idle();
    await this.conversations.idle();
    await this.writes.idle();
    try {
      if (this.#handover.pending) await this.inbox.run(() => {});
    } finally {
      this.#handover.stop();
      await this.#store.close();
    }
  }

  /** Tries again what could not be opened when it came. True if some of it can be read now. */
  async #open(places: readonly { conversation: string; seq: number }[]): Promise<boolean> {
    let opened = false;
    await this.inbox.run(async (tx) => {
      for (const { conversation, seq } of places) opened = (await this.messages.open(conversation, seq, tx)) || opened;
    });
    return opened;
  }

  async #countRead(conversation: string, seq: number): Promise<void> {
    if (seq <= this.places.get(conversation).readTo) return;
    await this.inbox.run(async (tx) => {
      await readUpTo(conversation, seq, this.identity.user, tx);
      tx.after(() => this.conversations.touched(conversation));
    });
  }

  #handOver(event: ClientEvent, conversation?: string, seq?: number): void {
    const handed = conversation === undefined ? undefined : this.#handover.add(conversation, seq!);
    this.emitter.emit(event, handed);
  }

  #ticked(conversation: string, seq: number, id: string, tick: Tick): void {
    this.handles.get(id)?.advance(tick);
    this.emitter.emit({ type: 'state', conversation, id, state: tick, seq });
    const sent = this.handles.get(id);
    if (sent?.state === 'read') this.handles.remove(sent);
  }

  /** A handle that was let go: what it missed, and what comes. */
  #watch(sent: SentMessage): void {
    if (sent.state === 'failed' || sent.state === 'read') return;
    this.handles.add(sent);
    if (sent.seq !== undefined && !sent.disappears) sent.advance(tickAt(this.places.get(sent.conversation), sent.seq));
  }

  #noResult(): void {
    this.debug({ what: 'a PUBACK without a result: the session has lost its subscription' });
    this.link.resubscribe(new GodwitError(Code.UNAVAILABLE, 'the session has lost its subscription'));
  }

  #failed(error: unknown): void {
    this.emitter.emit({ type: 'error', error: error instanceof Error ? error : new Error(String(error)) });
  }
}
