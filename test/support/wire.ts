import { once } from 'node:events';
import { connect as dial } from 'node:net';
import type { Duplex } from 'node:stream';
import mqtt from 'mqtt-packet';
import type { IConnackPacket as Connack, IConnectPacket as Connect, IPublishPacket as Publish, ISubackPacket as Suback, Packet } from 'mqtt-packet';
import { parseClientId, publishTopics } from 'godwit-schemas';
import { tokenFor, type Address } from './address.js';
import { describeDelivery, encodeMessage, newId, readDelivery, type Delivery, type Fields, type Of } from './deliveries.js';
import type { Scope } from './folder.js';
import { inTime, Recorder } from './recorder.js';

export interface WireOptions extends Partial<Omit<Connect, 'cmd'>> {
  /** PUBACKs are sent for what is delivered; default true. */
  acknowledges?: boolean;
}

/** One MQTT connection, packet by packet: what a test sends and sees is what is on the wire. */
export class Wire {
  readonly packets: Recorder<Packet>;
  acknowledges = true;
  open = true;
  private readonly whenClosed: Promise<void>;
  private nextId = 0;

  private constructor(readonly stream: Duplex, name: string) {
    this.packets = new Recorder(name, describePacket);
    const parser = mqtt.parser();
    parser.on('packet', (packet) => this.heard(packet));
    parser.on('error', (error) => this.packets.end(`broken packet: ${error.message}`));
    stream.on('data', (chunk: Buffer) => parser.parse(chunk));
    stream.on('error', () => stream.destroy());
    this.whenClosed = new Promise((resolve) => {
      const ended = (): void => {
        this.open = false;
        this.packets.end('the connection was closed');
        resolve();
      };
      // The stream of a WebSocket ends, and is not closed by itself.
      stream.on('close', ended).on('end', ended);
    });
  }

  static over(t: Scope, stream: Duplex, name = 'wire'): Wire {
    t.after(() => stream.destroy());
    return new Wire(stream, name);
  }

  /** A TCP connection, nothing sent yet. */
  static async dial(t: Scope, { mqttPort }: Pick<Address, 'mqttPort'>, name = 'wire'): Promise<Wire> {
    const socket = dial({ host: '127.0.0.1', port: mqttPort, noDelay: true });
    const wire = Wire.over(t, socket, name);
    await once(socket, 'connect');
    return wire;
  }

  /** A connection whose CONNECT was accepted. */
  static async connect(t: Scope, address: Address, id: string, options: WireOptions = {}): Promise<Wire> {
    const wire = await Wire.dial(t, address, id);
    const connack = await wire.login(address, id, options);
    if (connack.returnCode !== 0) throw new Error(`CONNACK ${connack.returnCode}`);
    return wire;
  }

  /** Sends a CONNECT as this device, and waits for the CONNACK. */
  async login(address: Address, id: string, { acknowledges = true, ...packet }: WireOptions = {}): Promise<Connack> {
    this.acknowledges = acknowledges;
    const user = parseClientId(id)?.user ?? 'nobody';
    this.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: id, username: user, password: Buffer.from(tokenFor(address, user)), clean: false, keepalive: 0, ...packet } as Connect);
    return (await this.packets.wait('the CONNACK', (it) => it.cmd === 'connack')) as Connack;
  }

  send(packet: Packet): void {
    this.stream.write(mqtt.generate(packet));
  }

  write(bytes: Uint8Array): void {
    this.stream.write(bytes);
  }

  /** The return codes of the SUBACK. */
  async subscribe(filters: string | string[], qos: 0 | 1 | 2 = 1): Promise<number[]> {
    const messageId = this.packetId();
    this.send({ cmd: 'subscribe', messageId, subscriptions: [filters].flat().map((topic) => ({ topic, qos })) } as Packet);
    return ((await this.packets.wait('the SUBACK', (it) => it.cmd === 'suback' && it.messageId === messageId)) as Suback).granted as number[];
  }

  /** Sends a PUBLISH; returns its packet id (0: QoS 0). */
  publish(topic: string, payload: Uint8Array | string, options: Partial<Publish> = {}): number {
    const messageId = options.messageId ?? (options.qos === 0 ? 0 : this.packetId());
    this.send({ cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, dup: false, retain: false, ...options, ...(messageId > 0 && { messageId }) } as Publish);
    return messageId;
  }

  /** Publishes a Message; returns its packet id. */
  message(to: string, body: string, fields: Fields = {}, options: Partial<Publish> = {}): number {
    return this.publish(publishTopics.to(to), encodeMessage(body, { id: newId(), ...fields }), options);
  }

  acknowledge(packetId: number): void {
    this.send({ cmd: 'puback', messageId: packetId } as Packet);
  }

  puback(packetId: number, from = 0): Promise<Packet> {
    return this.packets.wait(`the PUBACK of ${packetId}`, (it) => it.cmd === 'puback' && it.messageId === packetId, from);
  }

  /** The first delivery of a kind that fits. */
  async next<K extends Delivery['kind']>(kind: K, what: string, fits: (it: Of<K>) => boolean = () => true, from = 0): Promise<Of<K>> {
    const found = await this.packets.wait(what, (it) => {
      if (it.cmd !== 'publish') return false;
      const delivery = readDelivery(it);
      return delivery.kind === kind && fits(delivery as Of<K>);
    }, from);
    return readDelivery(found as Publish) as Of<K>;
  }

  /** The first deliveries of a kind. */
  async many<K extends Delivery['kind']>(kind: K, count: number, from = 0): Promise<Of<K>[]> {
    const found = await this.packets.waitMany(`${count} of ${kind}`, count, (it) => it.cmd === 'publish' && readDelivery(it).kind === kind, from);
    return found.map((it) => readDelivery(it as Publish) as Of<K>);
  }

  /** Deliveries of a kind that came so far. */
  got<K extends Delivery['kind']>(kind: K): Of<K>[] {
    return this.packets.all.flatMap((it) => (it.cmd === 'publish' ? [readDelivery(it)] : [])).filter((it): it is Of<K> => it.kind === kind);
  }

  /** Resolves when the server has read everything that was sent before, and everything that it wrote before is here. */
  async pong(): Promise<void> {
    const from = this.packets.all.length;
    this.send({ cmd: 'pingreq' });
    await this.packets.wait('the PINGRESP', (it) => it.cmd === 'pingresp', from);
  }

  async closed(): Promise<void> {
    await inTime('the end of the connection', this.whenClosed);
  }

  /** The connection breaks without a word. */
  async drop(): Promise<void> {
    this.stream.destroy();
    await this.closed();
  }

  /** Says DISCONNECT, and waits for the server to close. */
  async leave(): Promise<void> {
    this.send({ cmd: 'disconnect' });
    await this.closed();
  }

  packetId(): number {
    return ++this.nextId;
  }

  private heard(packet: Packet): void {
    this.packets.add(packet);
    if (packet.cmd === 'publish' && packet.qos > 0 && this.acknowledges && this.stream.writable) this.acknowledge(packet.messageId!);
  }
}

function describePacket(packet: Packet): string {
  if (packet.cmd === 'publish') return describeDelivery(readDelivery(packet));
  const { cmd, messageId, returnCode, granted } = packet as Packet & { returnCode?: number; granted?: number[] };
  return [cmd, messageId && `id ${messageId}`, returnCode !== undefined && `code ${returnCode}`, granted && `granted ${granted.join()}`].filter(Boolean).join(' ');
}
