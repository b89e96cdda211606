import type { Duplex } from 'node:stream';
import { Code, limits } from 'godwit-schemas';
import type { Client } from 'aedes';
import type { Engine } from '../engine.js';
import { topicField } from '../mqtt/frames.js';
import { Lane, type LaneHandler } from '../mqtt/lane.js';
import { Output } from '../mqtt/output.js';
import type { Caller, ConnectedSession, Identity, Refusal } from '../ports/plugin.js';
import { DeliveryTopics, writePayload } from './delivery-frames.js';
import { Filters } from './filters.js';
import { Inbound } from './inbound.js';
import type { Pump } from './pump.js';
import { RawMemory } from './raw.js';
import { writeRefused } from './results.js';
import { Routes } from './routes.js';

export interface Peer {
  /** The client's address; behind trusted proxies the one they name. */
  address: string;
  transport: 'tcp' | 'tls' | 'ws' | 'wss';
}

const NO_ID = new Uint8Array(0);
/** Time for the last Result to leave before the socket is closed hard. */
const FAREWELL_MS = 1_000;

/** What a connection knows once its CONNECT was accepted. */
export interface Established {
  user: string;
  device: string;
  identity: Identity;
  clean: boolean;
  keepaliveS: number;
  pump: Pump;
  filters: ReadonlyMap<string, 0 | 1>;
}

/**
 * Ends a stream so that what was written still arrives. Aedes destroys the streams of clients that it closes; until
 * the peer has closed too, or a second has passed, that is put off.
 */
function closeGently(stream: Duplex): void {
  if (stream.destroyed) return;
  const destroy = (): void => {
    clearTimeout(timer);
    delete (stream as { destroy?: unknown }).destroy;
    stream.destroy();
  };
  const timer = setTimeout(destroy, FAREWELL_MS);
  timer.unref();
  stream.once('end', destroy).once('error', destroy).once('close', () => clearTimeout(timer));
  stream.destroy = () => stream;
  stream.end();
  stream.resume();
}

/** One connection, from its first byte to its last. */
export class Session implements ConnectedSession, LaneHandler {
  readonly output: Output;
  readonly lane: Lane;
  readonly inbound: Inbound;
  heardAtMs: number;
  client: Client | undefined;
  closed = false;
  /** The peer said DISCONNECT. */
  saidGoodbye = false;
  /** Its CONNACK is written: deliveries may flow. */
  deliverable = false;
  keepaliveS = 0;
  /** Lets the next connection of the same device in. */
  entered: (() => void) | undefined;
  /** The QoS 2 publish that Aedes was handed is in the commit queue. */
  stoodInLine: () => void = () => undefined;
  private keepaliveRefreshedAtMs = 0;
  private established: Established | undefined;
  private ownRoutes: Routes | undefined;
  private ownRaw: RawMemory | undefined;
  private ownCaller: Caller | undefined;
  private ownTopics: DeliveryTopics | undefined;
  private ownFilters: Filters | undefined;

  constructor(readonly engine: Engine, readonly stream: Duplex, readonly peer: Peer, readonly connection: string) {
    this.heardAtMs = engine.now();
    this.output = new Output(stream, engine.turn.markDirty, this);
    this.inbound = new Inbound(engine, this);
    this.lane = new Lane(stream, this);
  }

  /** The CONNECT was accepted; the CONNACK is not written yet. */
  establish(established: Established): void {
    this.established = established;
    this.keepaliveS = established.keepaliveS;
    this.ownFilters = new Filters(established.user);
    this.ownFilters.set(established.filters);
  }

  get isEstablished(): boolean {
    return this.established !== undefined;
  }

  leaveDoor(): void {
    this.entered?.();
    this.entered = undefined;
  }

  private get own(): Established {
    if (!this.established) throw new Error('the connection has not been accepted yet');
    return this.established;
  }

  get user(): string {
    return this.own.user;
  }
  get device(): string {
    return this.own.device;
  }
  get identity(): Identity {
    return this.own.identity;
  }
  get clean(): boolean {
    return this.own.clean;
  }
  get pump(): Pump {
    return this.own.pump;
  }
  get address(): string {
    return this.peer.address;
  }
  get filters(): Filters {
    return this.ownFilters!;
  }
  get topics(): DeliveryTopics {
    return (this.ownTopics ??= new DeliveryTopics(this.user));
  }
  get routes(): Routes {
    return (this.ownRoutes ??= new Routes(this.engine.host, this.caller, () => this.engine.routeGeneration));
  }
  get raw(): RawMemory {
    return (this.ownRaw ??= this.engine.sessions.rawMemory(this.pump.clientId));
  }
  get caller(): Caller {
    return (this.ownCaller ??= { ...this.identity, session: this, address: this.address });
  }

  get takesMsg(): boolean {
    return this.filters.takesMsg;
  }
  get takesGap(): boolean {
    return this.filters.takesGap;
  }
  get takesMessages(): boolean {
    return this.filters.messageQos !== undefined;
  }
  /** A clean session, or a QoS 0 subscription: it starts at the heads, moves no cursor and counts as nobody's delivery. */
  get live(): boolean {
    return this.clean || this.filters.messageQos === 0;
  }
  /** Deliveries need no PUBACK. */
  get volatile(): boolean {
    return this.filters.messageQos === 0;
  }

  takes(topic: string): 0 | 1 | undefined {
    return this.filters.takes(topic);
  }

  send(topic: string, payload: Uint8Array, retain = false): void {
    if (this.closed || !this.deliverable || this.takes(topic) === undefined) return;
    writePayload(this.output, topicField(topic), payload, 0, false, retain);
  }

  sendTracked(topic: string, payload: Uint8Array, acknowledged: () => void): boolean {
    if (this.closed || !this.deliverable) return false;
    const qos = this.takes(topic);
    if (qos === 1) return this.pump.sendTracked(topicField(topic), payload, acknowledged);
    if (qos === undefined) return false;
    writePayload(this.output, topicField(topic), payload, 0);
    acknowledged();
    return true;
  }

  renew(identity: Identity): void {
    this.own.identity = identity;
    // Routes were asked for as the caller of the old token.
    this.ownCaller = undefined;
    this.ownRoutes = undefined;
  }

  end(refusal: Refusal): void {
    if (this.closed) return;
    if (this.isEstablished && this.deliverable && this.filters.takesResult) writeRefused(this.output, this.topics.result, refusal, NO_ID, 0);
    this.engine.log.info({ user: this.established?.user, device: this.established?.device, code: refusal.code, text: refusal.text }, 'connection ended');
    this.close();
  }

  /** Closes at once; nothing is owed to the peer. */
  destroy(why: string): void {
    if (this.closed) return;
    this.logClosed(why);
    this.close();
  }

  /** The connection failed in other hands, which have closed it. */
  failed(error: Error): void {
    if (!this.closed) this.logClosed(error.message);
  }

  private logClosed(why: string): void {
    this.engine.log.info({ user: this.established?.user, device: this.established?.device, address: this.address, why }, 'connection closed');
  }

  private close(): void {
    this.lane.close();
    this.output.flush();
    this.closed = true;
    closeGently(this.stream);
    this.engine.gone(this);
  }

  // LaneHandler

  connect(): boolean {
    return this.engine.connects.admit(this);
  }

  publish(buffer: Buffer, topicStart: number, topicEnd: number, payload: number, end: number, packetId: number, dup: boolean): void | Promise<void> {
    return this.inbound.publish(buffer, topicStart, topicEnd, payload, end, packetId, dup);
  }

  puback(packetId: number): void {
    this.pump.acknowledge(packetId);
  }

  handedOn(): Promise<void> {
    return new Promise((resolve) => (this.stoodInLine = resolve));
  }

  ping(): void {
    const target = this.output.reserve(2);
    target[this.output.offset] = 0xd0;
    target[this.output.offset + 1] = 0;
    this.output.commit(this.output.offset + 2);
  }

  heard(): void {
    const now = this.engine.now();
    this.heardAtMs = now;
    // Once a second is enough, but for a keepalive of one: of that half a second is all that there is to spare.
    if (now - this.keepaliveRefreshedAtMs < (this.keepaliveS === 1 ? 250 : 1_000)) return;
    this.keepaliveRefreshedAtMs = now;
    this.suspendKeepalive();
  }

  /** Aedes refreshes its keepalive timer only for what it parses itself. */
  suspendKeepalive(): void {
    (this.client as { _keepaliveTimer?: NodeJS.Timeout | null } | undefined)?._keepaliveTimer?.refresh();
  }

  violation(why: string): void {
    if (this.isEstablished) this.end({ code: /large/.test(why) ? Code.TOO_LARGE : Code.MALFORMED, text: why });
    else this.destroy(why);
  }

  hasRoom(): boolean {
    const room = this.inbound.pending < limits.pendingPublishes.value && this.engine.queue.bytes < limits.pendingBytes.value;
    if (!room) this.engine.waitForRoom(this);
    return room;
  }

  /** The device takes less than it is sent. */
  overflow(): void {
    this.destroy(`more than ${limits.outgoingBytes.value} bytes wait for a device that does not take them`);
  }
}
