import { connect, type Socket } from 'node:net';
import mqtt, { type IConnectPacket as Connect, type Packet } from 'mqtt-packet';

/** Seconds: the server gives a connection up one and a half times as long after its last sign of life. */
const KEEPALIVE_S = 5;
/** A connection is looked at this often; times are counted in looks, so that a frozen process finds its own late. */
const LOOK_MS = 500;

export interface Login {
  /** Of this device's link, on loopback. */
  port: number;
  clientId: string;
  user: string;
  token: string;
  clean: boolean;
  /** Looks without a byte until it is taken for dead; half of that until a PINGREQ. */
  deadAfterLooks: number;
}

export interface ConnectionEvents {
  connack(connection: Connection, returnCode: number, sessionPresent: boolean): void;
  packet(connection: Connection, packet: Packet): void;
  closed(connection: Connection): void;
}

/** One MQTT connection of a device, from its SYN to its end. */
export class Connection {
  /** Its number in the device's life, once it is accepted. */
  number = 0;
  closed = false;
  private readonly socket: Socket;
  private readonly looking: NodeJS.Timeout;
  private silentLooks = 0;
  private lastPacketId = 0;
  /** Packet ids that must not be given to something new. */
  readonly busyPacketIds = new Set<number>();

  constructor(private readonly login: Login, private readonly on: ConnectionEvents) {
    const parser = mqtt.parser();
    parser.on('packet', (packet) => this.heard(packet));
    parser.on('error', () => this.destroy());
    this.socket = connect({ host: '127.0.0.1', port: login.port, noDelay: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.silentLooks = 0;
      if (!this.closed) parser.parse(chunk);
    });
    this.socket.on('error', () => this.destroy());
    this.socket.on('close', () => this.destroy());
    this.looking = setInterval(() => this.look(), LOOK_MS);
    const { clientId, user, token, clean } = login;
    this.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, username: user, password: Buffer.from(token), clean, keepalive: KEEPALIVE_S } as Connect);
  }

  send(packet: Packet): void {
    if (!this.closed) this.socket.write(mqtt.generate(packet));
  }

  publish(topic: string, payload: Uint8Array, qos: 0 | 1 | 2, messageId = 0, options: { dup?: boolean; retain?: boolean } = {}): void {
    this.send({ cmd: 'publish', topic, payload: Buffer.from(payload), qos, dup: options.dup ?? false, retain: options.retain ?? false, ...(messageId > 0 && { messageId }) } as Packet);
  }

  acknowledge(messageId: number): void {
    this.send({ cmd: 'puback', messageId } as Packet);
  }

  /** The next free packet id; it is busy until it is deleted from `busyPacketIds`. */
  packetId(): number {
    do this.lastPacketId = (this.lastPacketId % 65_535) + 1;
    while (this.busyPacketIds.has(this.lastPacketId));
    this.busyPacketIds.add(this.lastPacketId);
    return this.lastPacketId;
  }

  /** Ends it without a DISCONNECT; nothing more is heard from it. */
  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.looking);
    this.socket.destroy();
    this.on.closed(this);
  }

  private heard(packet: Packet): void {
    if (this.closed) return;
    if (packet.cmd === 'connack') this.on.connack(this, packet.returnCode ?? 0, packet.sessionPresent);
    else this.on.packet(this, packet);
  }

  private look(): void {
    this.silentLooks++;
    const { deadAfterLooks } = this.login;
    if (this.silentLooks >= deadAfterLooks) this.destroy();
    else if (this.silentLooks === Math.floor(deadAfterLooks / 2)) this.send({ cmd: 'pingreq' });
  }
}
