import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import type { CloseReason, Connection, ConnectionHandlers, ConnectOptions, Packet, Transport } from './transport.js';

/** What mqtt.js is told beside the URL. */
export interface MqttTransportOptions {
  /** For TLS, in Node: certificates as PEM, as in `tls.connect`. */
  readonly tls?: {
    readonly ca?: string | Uint8Array;
    readonly cert?: string | Uint8Array;
    readonly key?: string | Uint8Array;
    readonly servername?: string;
  };
}

/** The transport on mqtt.js: `mqtt://`, `mqtts://`, `ws://`, `wss://`. */
export function mqttTransport(options: MqttTransportOptions = {}): Transport {
  return { connect: (to, handlers) => new MqttConnection(options, to, handlers) };
}

const disconnect = Uint8Array.of(0xe0, 0);
const closeTimeoutMs = 1_000;
/** mqtt.js sends no PUBACK for a message whose handler failed, and goes on with the next one. */
const acknowledgedByHand = new Error('acknowledged by hand');

/** mqtt.js asks for Node's Buffer and is content with any bytes: browsers have no Buffer. */
const bufferOf = (bytes: Uint8Array): Buffer => bytes as Buffer;

/**
 * One mqtt.js client for one connection. mqtt.js alone would handle deliveries strictly one after the other, and
 * write the PUBACK of one connection on the next: so `handleMessage` declines every PUBACK at once, and
 * `acknowledge` writes them itself, to the stream of this connection and no other.
 */
class MqttConnection implements Connection {
  readonly #client: MqttClient;
  readonly #handlers: ConnectionHandlers;
  /** Deliveries that came in one piece with the CONNACK, before mqtt.js says that it is connected. */
  #early: Packet[] | undefined = [];
  #ended = false;
  #reason: CloseReason = {};
  #closed: Promise<void>;

  constructor(options: MqttTransportOptions, to: ConnectOptions, handlers: ConnectionHandlers) {
    this.#handlers = handlers;
    const client = mqtt.connect(to.url, {
      ...(options.tls as object | undefined),
      manualConnect: true,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      protocolVersion: 4,
      clean: false,
      clientId: to.clientId,
      username: to.username,
      password: to.password,
      keepalive: to.keepaliveS,
      connectTimeout: to.connectTimeoutMs,
      ...(to.will && { will: { ...to.will, payload: bufferOf(to.will.payload), qos: 0 as const } }),
    });
    this.#client = client;
    client.handleMessage = (packet, done) => {
      this.#deliver(packet);
      done(acknowledgedByHand);
    };
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'connack' && packet.returnCode) this.#reason = { returnCode: packet.returnCode };
      if (!this.#ended) handlers.heard();
    });
    client.on('connect', (connack) => this.#open(connack.sessionPresent));
    client.on('error', (error) => {
      if (this.#reason.returnCode === undefined) this.#reason = { error };
      // A packet that cannot be parsed is an `error` too, and mqtt.js alone would read on.
      client.end(true);
    });
    this.#closed = new Promise((resolve) => {
      client.once('close', () => {
        this.#ended = true;
        handlers.close(this.#reason);
        resolve();
      });
    });
    client.connect();
    // Small packets are written as they come: the kernel must not hold them back for the peer's acknowledgements.
    (client.stream as { setNoDelay?: (on: boolean) => void }).setNoDelay?.(true);
  }

  publish(topic: string, payload: Uint8Array, { qos = 1, retain = false }: { qos?: 0 | 1; retain?: boolean } = {}, acknowledged?: () => void): number {
    if (this.#ended) return 0;
    this.#client.publish(topic, bufferOf(payload), { qos, retain }, (error) => {
      if (!error && qos === 1) acknowledged?.();
    });
    return qos === 0 ? 0 : this.#client.getLastMessageId();
  }

  acknowledge(packetIds: readonly number[]): void {
    if (this.#ended || packetIds.length === 0) return;
    const frames = new Uint8Array(packetIds.length * 4);
    packetIds.forEach((id, i) => frames.set([0x40, 2, id >> 8, id & 255], i * 4));
    this.#client.stream.write(frames);
  }

  subscribe(filters: readonly string[]): Promise<readonly number[]> {
    if (this.#ended) return Promise.reject(new Error('the connection has ended'));
    return new Promise((resolve, reject) => {
      this.#client.subscribe([...filters], { qos: 1 }, (error, _granted, packet) => {
        // A refused filter is an error for mqtt.js; the SUBACK says which.
        if (packet) resolve(packet.granted as number[]);
        else reject(error ?? new Error('the connection ended before the SUBACK'));
      });
    });
  }

  unsubscribe(filters: readonly string[]): Promise<void> {
    if (this.#ended) return Promise.reject(new Error('the connection has ended'));
    return new Promise((resolve, reject) => {
      this.#client.unsubscribe([...filters], (error) => (error ? reject(error) : resolve()));
    });
  }

  ping(): void {
    if (!this.#ended) this.#client.sendPing();
  }

  async close(): Promise<void> {
    if (!this.#ended) {
      this.#ended = true;
      // `end()` of mqtt.js waits for every PUBACK; whoever closes does not.
      if (this.#client.connected) this.#client.stream.end(disconnect);
      else this.#client.end(true);
    }
    const timer = setTimeout(() => this.#client.end(true), closeTimeoutMs);
    await this.#closed;
    clearTimeout(timer);
  }

  abort(): void {
    this.#ended = true;
    this.#client.end(true);
  }

  #open(sessionPresent: boolean): void {
    if (this.#ended) return;
    this.#handlers.open(sessionPresent);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const packet of early) if (!this.#ended) this.#handlers.packet(packet);
  }

  #deliver({ topic, payload, qos, messageId }: IPublishPacket): void {
    if (this.#ended) return;
    // Plain bytes on every platform: not the Buffer that mqtt.js makes.
    const { buffer, byteOffset, length } = payload as Uint8Array;
    const packet: Packet = { topic, payload: new Uint8Array(buffer, byteOffset, length), qos, packetId: messageId ?? 0 };
    if (this.#early) this.#early.push(packet);
    else this.#handlers.packet(packet);
  }
}
