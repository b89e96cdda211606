import type { Duplex } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import type { IConnectPacket as ConnectPacket, IPublishPacket as PublishPacket } from 'mqtt-packet';
import { limits } from 'godwit-schemas';
import type { SessionPersistence } from './persistence.js';
import { PubrecOrder } from './pubrec-order.js';
import { SharedParser } from './shared-parser.js';

/** The part of MQTT that Aedes does for us: CONNECT, keepalive, will, SUBSCRIBE, QoS 2. */
export interface ConnectionEvents {
  /** 0: accepted; else the CONNACK return code (MQTT-3.2.2.3). The session is restored before this resolves. */
  connect(stream: Duplex, client: Client, packet: ConnectPacket, password: Buffer | undefined): Promise<0 | 2 | 3 | 4 | 5>;
  /** The CONNACK is written. */
  ready(stream: Duplex): void;
  /** False: SUBACK 0x80. */
  subscribe(stream: Duplex, filter: string, qos: 0 | 1 | 2): Promise<boolean>;
  /** The SUBACK is written. */
  subscribed(stream: Duplex): void;
  unsubscribed(stream: Duplex, filters: readonly string[]): void;
  /** A QoS 2 publish or a will. Resolves when it is settled. */
  publish(stream: Duplex, packet: PublishPacket): Promise<void>;
  /** A QoS 2 publish that is here already: only its handshake goes on. */
  repeated(stream: Duplex): void;
  /** Aedes ends the connection: its keepalive has run out, or a packet is broken. */
  failed(stream: Duplex, error: Error): void;
}

type Callback = (error?: Error | null) => void;

const REFUSED = ['', '', 'the client id is not <user>:<device>', 'the server cannot take this connection now', 'the token is malformed', 'not authorized'];

/** Aedes as connection layer only: nothing is published, subscribed or stored through it. */
export class ConnectionLayer extends Aedes {
  private readonly pubrecs: PubrecOrder<Client>;

  constructor(persistence: SessionPersistence, events: ConnectionEvents) {
    const connects = new WeakMap<Client, ConnectPacket>();
    const pubrecs = new PubrecOrder<Client>();
    super({
      persistence,
      connectTimeout: limits.connectTimeoutMs.value,
      heartbeatInterval: 3_600_000,
      // Slow devices are closed by the bound on what is unsent.
      drainTimeout: limits.windowStallMs.value,
      maxClientsIdLength: 128,
      maxInflightInbound: limits.unreleasedPublishes.value,
      preConnect: (client, packet, done) => {
        connects.set(client, packet as unknown as ConnectPacket);
        done(null, true);
      },
      authenticate: (client, _username, password, done) => {
        const packet = connects.get(client)!;
        connects.delete(client);
        events.connect(client.conn as Duplex, client, packet, password as Buffer | undefined).then(
          (code) => {
            if (code === 0) done(null, true);
            else done(Object.assign(new Error(REFUSED[code]), { returnCode: code }), null);
          },
          (error) => done(Object.assign(error as Error, { returnCode: 3 }), null),
        );
      },
      authorizeSubscribe: (client, subscription, done) => {
        const restoring = !client.connected;
        if (restoring) return done(null, subscription);
        events.subscribe(client.conn as Duplex, subscription.topic, subscription.qos).then((granted) => done(null, granted ? subscription : null), done);
      },
      authorizePublish: (client, packet, done) => {
        const { messageId } = packet;
        if (packet.qos === 2 && messageId !== undefined && persistence.hasIncoming(client!.id, messageId)) {
          void pubrecs.before(client!).then(() => done(null));
          return events.repeated(client!.conn as Duplex);
        }
        if (packet.qos === 2) pubrecs.expect(client!, packet);
        events.publish(client!.conn as Duplex, packet as PublishPacket).then(() => done(null), done);
      },
    });
    this.pubrecs = pubrecs;
    this.on('clientReady', (client) => events.ready(client.conn as Duplex));
    this.on('subscribe', (_subscriptions, client) => events.subscribed(client.conn as Duplex));
    this.on('unsubscribe', (filters, client) => {
      if (!client.closed) events.unsubscribed(client.conn as Duplex, filters);
    });
    this.on('clientError', (client, error) => events.failed(client.conn as Duplex, error));
    this.on('connectionError', (client, error) => events.failed(client.conn as Duplex, error));
  }

  accept(stream: Duplex): Client {
    const client = this.handle(stream);
    SharedParser.install(client);
    return client;
  }

  override publish(packet: object, client: unknown, done?: unknown): void {
    const callback = (typeof client === 'function' ? client : done) as Callback | undefined;
    if (!callback) return;
    setImmediate(() => {
      callback();
      this.pubrecs.written(packet);
    });
  }

  override subscribe(_topic: string, _deliver: unknown, done: () => void): void {
    setImmediate(done);
  }

  override unsubscribe(_topic: string, _deliver: unknown, done?: () => void): void {
    if (done) setImmediate(done);
  }
}
