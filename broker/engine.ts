import type { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import type { IConnectPacket as ConnectPacket, IPublishPacket as PublishPacket } from 'mqtt-packet';
import { Code, createUlid, filterGranted, isGroupConversation, limits, parseClientId } from 'godwit-schemas';
import type { Logger } from 'pino';
import type { Config } from './config.js';
import { RateLimiter } from './limits/rate-limiter.js';
import { ConnectionLayer, type ConnectionEvents } from './mqtt/connection-layer.js';
import { SessionPersistence } from './mqtt/persistence.js';
import { Turn } from './mqtt/turn.js';
import type { SessionStore } from './mqtt/types.js';
import type { PluginHost } from './plugin-host.js';
import { isUnavailable } from './ports/availability.js';
import { Removals } from './removals.js';
import { Meters } from './ports/meters.js';
import type { Limiter, Refusal } from './ports/plugin.js';
import type { Storage } from './ports/storage.js';
import { appended, CommitQueue } from './session/commit-queue.js';
import { Connects } from './session/connects.js';
import type { Publish } from './session/publish.js';
import type { Pump } from './session/pump.js';
import { Session, type Peer } from './session/session.js';
import { Sessions } from './session/sessions.js';

/** Keys of a rate limiter that are remembered. */
const LIMITER_KEYS = 100_000;
/** Milliseconds between two rounds of housekeeping: tokens that end, windows that stall. */
const TICK_MS = 1_000;
/**
 * Milliseconds that moved cursors of a device are gathered before the store and the receipts hear of them: half of the
 * time that they may be in memory only. The first move after a while is handed on at once, for the tick that waits for it.
 */
const CURSOR_GATHER_MS = limits.cursorFlushMs.value / 2;

/** A conversation with new entries, and who is to hear of them. */
interface Woken {
  members: readonly string[];
  /** Of a group: who left it with them. */
  left: readonly string[] | undefined;
  first: number;
  last: number;
}

export interface EngineOptions {
  config: Pick<Config, 'messagesPerMinute' | 'connectsPerMinute' | 'minFreeBytes'>;
  storage: Storage;
  host: PluginHost;
  log: Logger;
  now: () => number;
  /** A commit failed: nobody may be acknowledged any more. */
  failed: (error: unknown) => void;
  /** Runs a control call that came over MQTT, and sends its answer. */
  call: (session: Session, method: string, request: Buffer) => Promise<void>;
}

/** Holds the parts together: connections, the commit queue, the pumps. */
export class Engine implements ConnectionEvents, SessionStore {
  readonly config;
  readonly storage: Storage;
  readonly host: PluginHost;
  readonly log: Logger;
  readonly now: () => number;
  readonly call;
  readonly meters = new Meters();
  readonly turn = new Turn();
  readonly sessions = new Sessions();
  readonly queue: CommitQueue;
  readonly connects: Connects;
  readonly removals = new Removals(this);
  readonly nextId: () => Uint8Array;
  stopping = false;
  routeGeneration = 0;
  private readonly layer: ConnectionLayer;
  private readonly byStream = new WeakMap<Duplex, Session>();
  private readonly granted = new Map<string, Map<string, 0 | 1>>();
  private readonly messages: Limiter;
  private readonly waitingForRoom = new Set<Session>();
  /** Every connection, from its first byte to the end of its stream; also those that never say CONNECT. */
  private readonly opened = new Set<Session>();
  private lastClosed: (() => void) | undefined;
  private pumps: Pump[] = [];
  private moved: Pump[] = [];
  private movedFirst: Pump[] = [];
  private gather: NodeJS.Timeout | undefined;
  private tick: NodeJS.Timeout | undefined;
  private full = false;
  private connections = 0;

  constructor(options: EngineOptions) {
    this.config = options.config;
    this.storage = options.storage;
    this.host = options.host;
    this.log = options.log;
    this.now = options.now;
    this.call = options.call;
    this.nextId = createUlid(options.now);
    this.messages = this.limiter({ perMinute: options.config.messagesPerMinute });
    this.queue = new CommitQueue(options.storage.log, this.meters, () => this.turn.schedule(), (batch) => this.committed(batch), options.failed);
    this.connects = new Connects(this);
    this.layer = new ConnectionLayer(new SessionPersistence(this), this);
    this.turn.addStep(() => this.flushFirst());
    this.turn.addStep(() => this.runPumps());
    this.turn.addStep(() => this.queue.kick());
  }

  async start(): Promise<void> {
    await this.layer.listen();
    await this.watchDisk();
    this.tick = setInterval(() => this.housekeeping(), TICK_MS);
  }

  /** Ends every connection; everything that was accepted is durable when it resolves. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearInterval(this.tick);
    await this.queue.drained();
    for (const session of [...this.sessions.all()]) session.end({ code: Code.SHUTTING_DOWN, text: 'the server is shutting down' });
    for (const session of [...this.opened]) session.destroy('the server is shutting down');
    await new Promise<void>((resolve) => this.layer.close(() => resolve()));
    await this.allClosed();
    this.flushFirst();
    this.gatherMoved();
    await this.storage.cursors.flush();
  }

  limiter(rate: { perMinute: number; burst?: number }): Limiter {
    return new RateLimiter({ ...rate, maxKeys: LIMITER_KEYS, now: this.now });
  }

  /** Takes a connection before its first byte. */
  accept(stream: Duplex, peer: Peer): void {
    const session = new Session(this, stream, peer, `${this.now().toString(36)}-${(this.connections++).toString(36)}`);
    this.byStream.set(stream, session);
    this.opened.add(session);
    const { connections } = this.meters;
    connections.set(peer.transport, (connections.get(peer.transport) ?? 0) + 1);
    stream.once('close', () => {
      this.opened.delete(session);
      if (this.opened.size === 0) this.lastClosed?.();
      connections.set(peer.transport, connections.get(peer.transport)! - 1);
      session.closed = true;
      session.lane.close();
      this.gone(session);
    });
    session.client = this.layer.accept(stream);
  }

  private allClosed(): Promise<void> {
    return this.opened.size === 0 ? Promise.resolve() : new Promise((resolve) => (this.lastClosed = resolve));
  }

  /** A limit of the server or of a user that passes with time. */
  admission(user: string): Refusal | undefined {
    if (this.stopping) return { code: Code.SHUTTING_DOWN, text: 'the server is shutting down', retryAfterMs: 1_000 };
    if (this.full) return { code: Code.STORAGE_FULL, text: 'the server has no room; try again later', retryAfterMs: 5_000 };
    const retryAfterMs = this.messages.take(user);
    if (retryAfterMs === 0) return undefined;
    return { code: Code.RATE_LIMITED, text: `more than ${this.config.messagesPerMinute} messages a minute`, retryAfterMs };
  }

  forgetRoutes(): void {
    this.routeGeneration++;
  }

  waitForRoom(session: Session): void {
    this.waitingForRoom.add(session);
  }

  schedulePump(pump: Pump): void {
    this.pumps.push(pump);
    this.turn.schedule();
  }

  scheduleFlush(pump: Pump): void {
    if (this.now() - pump.flushedAtMs >= CURSOR_GATHER_MS) {
      this.movedFirst.push(pump);
      return this.turn.schedule();
    }
    this.moved.push(pump);
    this.gather ??= setTimeout(() => this.gatherMoved(), CURSOR_GATHER_MS);
  }

  /** Calls the members of a group who are connected, and those who left it with what is new: nothing is written for anyone. */
  private wakeGroup({ left, first, last }: Woken, conversation: string): void {
    const members = this.storage.log.membersOf(conversation);
    if (members instanceof Promise) {
      members.then((users) => this.wake(users, conversation, first, last), (error) => this.log.error({ err: error, conversation }, 'the members of a group could not be read'));
    } else this.wake(members, conversation, first, last);
    if (left) this.wake(left, conversation, first, last);
  }

  /** Calls the sessions of these users to look at a conversation again. */
  wake(users: readonly string[], conversation: string, first: number, last: number): void {
    for (const user of users) {
      for (const session of this.sessions.of(user)) session.pump.wake(conversation, first, last);
    }
  }

  /** A connection has ended, whoever ended it. */
  gone(session: Session): void {
    session.leaveDoor();
    this.waitingForRoom.delete(session);
    if (!session.deliverable) return;
    session.deliverable = false;
    // Of a SUBSCRIBE that was never answered.
    this.granted.delete(session.pump.clientId);
    session.saidGoodbye = (session.client as unknown as { _disconnected: boolean })._disconnected;
    this.sessions.remove(session);
    session.pump.detach();
    if (!session.clean) {
      this.sessions.detach(session.pump);
      const { user, device, heardAtMs } = session;
      this.storage.directory.seenDevice(user, device, heardAtMs).catch((error) => {
        // A store that is away says so itself.
        if (!isUnavailable(error)) this.log.error({ err: error, user, device }, 'when a device was last seen could not be kept');
      });
    }
    this.host.disconnected(session, session.saidGoodbye);
  }

  // ConnectionEvents

  connect(stream: Duplex, client: Client, packet: ConnectPacket, password: Buffer | undefined): Promise<0 | 2 | 3 | 4 | 5> {
    return this.connects.connect(this.byStream.get(stream)!, client, packet, password);
  }

  ready(stream: Duplex): void {
    const session = this.byStream.get(stream)!;
    session.leaveDoor();
    if (session.closed) {
      if (!session.clean) this.sessions.detach(session.pump);
      return;
    }
    session.deliverable = true;
    this.sessions.add(session);
    this.log.debug({ user: session.user, device: session.device, address: session.address }, 'connected');
    this.attach(session);
    this.host.connected(session);
    const restored = [...session.filters.names()];
    if (restored.length > 0) this.host.subscribed(session, restored);
    session.lane.ready();
  }

  async subscribe(stream: Duplex, filter: string, qos: 0 | 1 | 2): Promise<boolean> {
    const session = this.byStream.get(stream)!;
    const { clientId } = session.pump;
    if (!filterGranted(filter, session.user) || Buffer.byteLength(filter) > limits.filterBytes.value) return false;
    const granted = this.granted.get(clientId) ?? new Map<string, 0 | 1>();
    const { filters } = session;
    // Those of `granted` that are not new are told apart only when it matters: a SUBSCRIBE may have thousands.
    const added = (): number => [...granted.keys()].filter((name) => !filters.has(name)).length;
    const most = limits.subscriptions.value;
    if (!filters.has(filter) && filters.size + granted.size >= most && filters.size + added() >= most) return false;
    this.granted.set(clientId, granted);
    // Counted before anyone is asked: the filters of one packet are asked for side by side.
    granted.set(filter, qos === 0 ? 0 : 1);
    if (await this.host.authorizeSubscribe(session, filter, qos)) return true;
    granted.delete(filter);
    return false;
  }

  subscribed(stream: Duplex): void {
    const session = this.byStream.get(stream)!;
    if (session.closed) return;
    const granted = this.granted.get(session.pump.clientId);
    this.granted.delete(session.pump.clientId);
    if (!granted || granted.size === 0) return;
    const took = session.filters.messageQos;
    session.filters.set(granted);
    if (session.filters.messageQos !== took) this.attach(session);
    this.host.subscribed(session, [...granted.keys()]);
  }

  unsubscribed(stream: Duplex, filters: readonly string[]): void {
    const session = this.byStream.get(stream)!;
    if (!session.isEstablished) return;
    session.filters.delete(filters);
    this.host.unsubscribed(session, filters);
  }

  publish(stream: Duplex, packet: PublishPacket): Promise<void> {
    const session = this.byStream.get(stream)!;
    return session.inbound.publishParsed(packet.topic, Buffer.from(packet.payload), packet.messageId ?? 0, packet.dup);
  }

  repeated(stream: Duplex): void {
    this.byStream.get(stream)!.stoodInLine();
  }

  failed(stream: Duplex, error: Error): void {
    this.byStream.get(stream)!.failed(error);
  }

  // SessionStore

  restored(clientId: string): { topic: string; qos: number }[] {
    // One is enough: Aedes only wants to know whether there is a session.
    for (const topic of this.connects.enteringSession(clientId)?.filters.names() ?? []) return [{ topic, qos: 1 }];
    return [];
  }

  async filtersAdded(clientId: string): Promise<void> {
    const ids = parseClientId(clientId)!;
    const granted = this.granted.get(clientId);
    if (granted && granted.size > 0) await this.storage.directory.changeFilters(ids.user, ids.device, granted, []);
  }

  async filtersRemoved(clientId: string, filters: readonly string[]): Promise<void> {
    const ids = parseClientId(clientId)!;
    await this.storage.directory.changeFilters(ids.user, ids.device, new Map(), filters);
  }

  private attach(session: Session): void {
    session.pump.attach(session).catch((error) => {
      this.log.error({ err: error, user: session.user }, 'the conversations of a session could not be read');
      session.destroy('its conversations could not be read');
    });
  }

  /** A batch is durable: results and PUBACKs first, then whoever waits for its entries. */
  private committed(batch: readonly Publish[]): void {
    const woken = new Map<string, Woken>();
    const now = performance.now();
    for (const publish of batch) {
      publish.publisher.settled(publish);
      if (publish.duplicate) this.meters.duplicates++;
      if (!appended(publish)) continue;
      this.meters.accepted++;
      this.meters.append.observe(now - publish.arrivedAtMs);
      const woke = woken.get(publish.conversation);
      const left = publish.membership?.left;
      if (!woke) woken.set(publish.conversation, { members: publish.members, left, first: publish.seq, last: publish.seq });
      else {
        woke.last = publish.seq;
        if (left) woke.left = [...(woke.left ?? []), ...left];
      }
    }
    for (const [conversation, woke] of woken) {
      if (isGroupConversation(conversation)) this.wakeGroup(woke, conversation);
      else this.wake(woke.members, conversation, woke.first, woke.last);
    }
    this.host.afterAppend(batch.filter((publish) => publish.appends));
    for (const session of this.waitingForRoom) {
      if (session.inbound.pending > limits.pendingPublishes.value / 2) continue;
      this.waitingForRoom.delete(session);
      session.lane.resume();
    }
  }

  private runPumps(): void {
    const pumps = this.pumps;
    this.pumps = [];
    for (const pump of pumps) pump.pump();
  }

  private flushFirst(): void {
    if (this.movedFirst.length === 0) return;
    const moved = this.movedFirst;
    this.movedFirst = [];
    for (const pump of moved) pump.flushCursors();
  }

  private gatherMoved(): void {
    clearTimeout(this.gather);
    this.gather = undefined;
    const moved = this.moved;
    this.moved = [];
    for (const pump of moved) pump.flushCursors();
  }

  private housekeeping(): void {
    const now = this.now();
    for (const session of this.sessions.all()) {
      const { expiresAtMs } = session.identity;
      if (expiresAtMs > 0 && expiresAtMs <= now) session.end({ code: Code.UNAUTHENTICATED, text: 'the token has expired' });
      else if (session.pump.stalledSinceMs > 0 && now - session.pump.stalledSinceMs > limits.windowStallMs.value) {
        session.destroy(`no PUBACK for ${limits.windowStallMs.value / 1000} s while the window is full`);
      }
    }
    this.watchDisk().catch((error) => this.log.error({ err: error }, 'free space of the data folder is unknown'));
  }

  private async watchDisk(): Promise<void> {
    const full = (await this.storage.freeBytes()) < this.config.minFreeBytes;
    if (full !== this.full) this.log[full ? 'error' : 'info'](full ? 'the disk is nearly full: messages are refused' : 'there is room again: messages are taken');
    this.full = full;
  }
}
