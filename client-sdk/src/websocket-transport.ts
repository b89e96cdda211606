import { connectFrame, disconnect, FrameReader, pingreq, pubackFrames, publishFrame, subscribeFrame, unsubscribeFrame, type ServerPacket } from './mqtt-frames.js';
import { monotonicMs } from './wait.js';
import type { CloseReason, Connection, ConnectionHandlers, ConnectOptions, Transport } from './transport.js';

/** As much of the standard's WebSocket as is used. */
interface Socket {
  binaryType: string;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  readonly readyState: number;
  send(data: Uint8Array): void;
  close(): void;
}

/** What the slim transport is given. */
export interface WebSocketTransportOptions {
  /** The constructor, where there is no global one (Node before 22: that of `ws`). */
  readonly WebSocket?: new (url: string, protocols: string) => unknown;
}

/**
 * The slim transport: MQTT 3.1.1 frames straight on a WebSocket, `ws://` and `wss://`. What browsers and React Native
 * use when nothing else is asked for.
 */
export function webSocketTransport({ WebSocket = globalThis.WebSocket }: WebSocketTransportOptions = {}): Transport {
  return { connect: (to, handlers) => new WebSocketConnection(WebSocket as (new (url: string, protocols: string) => Socket) | undefined, to, handlers) };
}

const open = 1;
const closeTimeoutMs = 1_000;

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

class WebSocketConnection implements Connection {
  #socket: Socket | undefined;
  readonly #reader = new FrameReader();
  #established = false;
  #ended = false;
  #closed!: () => void;
  readonly #whenClosed = new Promise<void>((resolve) => (this.#closed = resolve));
  #lastPacketId = 0;
  /** What to call at the PUBACK. */
  readonly #published = new Map<number, (() => void) | undefined>();
  readonly #asked = new Map<number, Waiter<readonly number[]>>();
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #keepaliveTimer: ReturnType<typeof setTimeout> | undefined;
  /** Monotonic milliseconds. */
  #sentAt = 0;
  /** Since the last ping of the keepalive. */
  #heard = true;

  constructor(
    WebSocket: (new (url: string, protocols: string) => Socket) | undefined,
    private readonly to: ConnectOptions,
    private readonly handlers: ConnectionHandlers,
  ) {
    // Nothing is told before `connect` has returned.
    queueMicrotask(() => this.#start(WebSocket));
  }

  publish(topic: string, payload: Uint8Array, { qos = 1, retain = false }: { qos?: 0 | 1; retain?: boolean } = {}, acknowledged?: () => void): number {
    if (this.#ended) return 0;
    const packetId = qos === 0 ? 0 : this.#packetId();
    if (packetId) this.#published.set(packetId, acknowledged);
    this.#send(publishFrame(topic, payload, packetId, retain));
    return packetId;
  }

  acknowledge(packetIds: readonly number[]): void {
    if (packetIds.length > 0) this.#send(pubackFrames(packetIds));
  }

  subscribe(filters: readonly string[]): Promise<readonly number[]> {
    return this.#ask((packetId) => subscribeFrame(packetId, filters));
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    await this.#ask((packetId) => unsubscribeFrame(packetId, filters));
  }

  ping(): void {
    this.#send(pingreq);
  }

  async close(): Promise<void> {
    if (this.#established) this.#send(disconnect);
    this.#ended = true;
    this.#socket?.close();
    // A browser waits long for the other side to say goodbye; whoever closes does not.
    const timer = setTimeout(() => this.#end({}), this.#socket ? closeTimeoutMs : 0);
    await this.#whenClosed;
    clearTimeout(timer);
  }

  abort(): void {
    this.#ended = true;
    this.#socket?.close();
    queueMicrotask(() => this.#end({}));
  }

  #start(WebSocket: (new (url: string, protocols: string) => Socket) | undefined): void {
    if (this.#ended) return;
    try {
      if (!WebSocket) throw new Error('there is no WebSocket here: give one to webSocketTransport');
      const socket = new WebSocket(this.to.url, 'mqtt');
      this.#socket = socket;
      socket.binaryType = 'arraybuffer';
      socket.onopen = () => socket.send(connectFrame(this.to));
      socket.onmessage = ({ data }) => this.#received(data);
      // A browser does not say what went wrong; `close` follows.
      socket.onerror = () => {};
      socket.onclose = ({ code, reason }) => this.#end(this.#ended ? {} : { error: new Error(`the connection was closed (${code}${reason && `: ${reason}`})`) });
    } catch (error) {
      return this.#end({ error: error as Error });
    }
    if (this.to.connectTimeoutMs > 0) this.#connectTimer = setTimeout(() => this.#fail(new Error('no answer in time')), this.to.connectTimeoutMs);
  }

  #received(data: unknown): void {
    if (this.#ended) return;
    this.#heard = true;
    this.handlers.heard();
    if (this.#ended) return;
    try {
      if (!(data instanceof ArrayBuffer)) throw new Error('a message of text');
      this.#reader.read(new Uint8Array(data), (packet) => {
        this.#take(packet);
        return !this.#ended;
      });
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #take(packet: ServerPacket): void {
    if ((packet.type === 'connack') === this.#established) throw new Error(`${packet.type.toUpperCase()} at the wrong time`);
    switch (packet.type) {
      case 'connack':
        if (packet.returnCode !== 0) return this.#fail(undefined, packet.returnCode);
        this.#established = true;
        clearTimeout(this.#connectTimer);
        this.#sentAt = monotonicMs();
        this.#keepAlive();
        return this.handlers.open(packet.sessionPresent);
      case 'publish':
        return this.handlers.packet(packet.packet);
      case 'puback': {
        const acknowledged = this.#published.get(packet.packetId);
        this.#published.delete(packet.packetId);
        return acknowledged?.();
      }
      case 'suback':
      case 'unsuback':
        this.#asked.get(packet.packetId)?.resolve(packet.type === 'suback' ? packet.granted : []);
        this.#asked.delete(packet.packetId);
    }
  }

  #ask(frame: (packetId: number) => Uint8Array): Promise<readonly number[]> {
    if (this.#ended) return Promise.reject(new Error('the connection has ended'));
    return new Promise((resolve, reject) => {
      const packetId = this.#packetId();
      this.#asked.set(packetId, { resolve, reject });
      this.#send(frame(packetId));
    });
  }

  /** A packet id that is not in use (MQTT-2.3.1-4). */
  #packetId(): number {
    do this.#lastPacketId = this.#lastPacketId === 65_535 ? 1 : this.#lastPacketId + 1;
    while (this.#published.has(this.#lastPacketId) || this.#asked.has(this.#lastPacketId));
    return this.#lastPacketId;
  }

  #send(frame: Uint8Array): void {
    if (this.#ended || this.#socket?.readyState !== open) return;
    this.#sentAt = monotonicMs();
    this.#socket.send(frame);
  }

  /** Pings when nothing was sent for the keepalive time (MQTT-3.1.2-23). What heard nothing from one such ping to the next is dead. */
  #keepAlive(): void {
    const keepaliveMs = this.to.keepaliveS * 1_000;
    if (keepaliveMs === 0) return;
    const left = this.#sentAt + keepaliveMs - monotonicMs();
    if (left <= 0) {
      if (!this.#heard) return this.#fail(new Error(`nothing heard for ${this.to.keepaliveS} s`));
      this.#heard = false;
      this.ping();
    }
    this.#keepaliveTimer = setTimeout(() => this.#keepAlive(), left > 0 ? left : keepaliveMs);
  }

  #fail(error: Error | undefined, returnCode?: number): void {
    this.#socket?.close();
    this.#end(returnCode === undefined ? { error } : { returnCode });
  }

  #end(reason: CloseReason): void {
    this.#ended = true;
    const socket = this.#socket;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#keepaliveTimer);
    for (const { reject } of this.#asked.values()) reject(new Error('the connection has ended'));
    this.#asked.clear();
    this.#published.clear();
    if (this.#closed === done) return;
    this.#closed();
    this.#closed = done;
    this.handlers.close(reason);
  }
}

/** It was told already. */
const done = (): void => {};
