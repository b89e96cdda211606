import assert from 'node:assert/strict';
import mqtt, { type IClientOptions, type MqttClient, type Packet } from 'mqtt';
import {
  create,
  deliveryTopics,
  Flag,
  fromBinary,
  MessageSchema,
  MessagesSendRequestSchema,
  methods,
  parseClientId,
  PresenceSchema,
  publishTopics,
  ReadSchema,
  RequestSchema,
  toBinary,
  type MessageInitShape,
  type MethodName,
  type ResponseOf,
  type Result,
  type State,
} from 'godwit-schemas';
import { tokenFor, type Address } from './address.js';
import { bodyOf, describeDelivery, encodeMessage, newId, readDelivery, type Delivery, type Fields, type Of } from './deliveries.js';
import { inTime, Recorder } from './recorder.js';
import type { Scope } from './folder.js';

export interface DeviceOptions extends IClientOptions {
  /** Filters to subscribe to, QoS 1. Default: everything of the user, as the SDK does. [] = none. */
  filters?: string[];
  qos?: 0 | 1;
}

const NOTE = Buffer.from('settled ');

const hex = (id: Uint8Array): string => Buffer.from(id).toString('hex');

/** A device with a plain mqtt.js client that keeps everything that it gets. */
export class Device {
  readonly user: string;
  readonly device: string;
  readonly received: Recorder<Delivery>;
  private readonly whenClosed: Promise<void>;
  private readonly notes = new Map<string, () => void>();
  sessionPresent = false;
  granted: number[] = [];

  private constructor(readonly id: string, readonly client: MqttClient) {
    const { user, device } = parseClientId(id)!;
    this.user = user;
    this.device = device;
    this.received = new Recorder(id, describeDelivery);
    this.whenClosed = new Promise((resolve) => client.once('close', () => {
      this.received.end('the connection was closed');
      resolve();
    }));
    client.on('packetreceive', (packet: Packet) => {
      if (packet.cmd === 'publish') this.heard(readDelivery(packet as never));
      if (packet.cmd === 'connack') this.sessionPresent = packet.sessionPresent;
    });
  }

  /** Resolves when the server has ended the connection, or it broke. */
  get closed(): Promise<void> {
    return inTime(`the end of the connection of ${this.id}`, this.whenClosed);
  }

  /** @param id `<user>:<device>`; rejects with the CONNACK's refusal. */
  static async connect(t: Scope, address: Address, id: string, options: DeviceOptions = {}): Promise<Device> {
    const { user } = parseClientId(id)!;
    const { filters = [deliveryTopics.all(user)], qos = 1, ...rest } = options;
    const client = mqtt.connect({ host: '127.0.0.1', port: address.mqttPort, clientId: id, username: user, password: tokenFor(address, user), clean: false, reconnectPeriod: 0, ...rest });
    t.after(() => client.end(true));
    const device = new Device(id, client);
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.once('error', reject);
      client.once('close', () => reject(new Error('closed before its CONNACK')));
    });
    client.on('error', () => client.end(true));
    if (filters.length > 0 && !device.sessionPresent) await device.subscribe(filters, qos);
    return device;
  }

  async subscribe(filters: string | string[], qos: 0 | 1 | 2 = 1): Promise<void> {
    this.granted = await new Promise<number[]>((resolve, reject) => {
      const heard = (packet: Packet): void => {
        if (packet.cmd !== 'suback') return;
        this.client.off('packetreceive', heard);
        resolve(packet.granted as number[]);
      };
      this.client.on('packetreceive', heard);
      this.client.subscribe(filters, { qos }, (error) => error && !/error/i.test(error.message) && reject(error));
    });
  }

  /** Publishes a Message, and returns its Result, which must be there before the PUBACK is. */
  async send(to: string, body: string, fields: Fields = {}): Promise<Result> {
    const id = fields.id ?? newId();
    return this.publish(publishTopics.to(to), encodeMessage(body, { ...fields, id }), id);
  }

  /** Publishes anything at QoS 1; the Result is the one that came last for this id (none: for no id). */
  async publish(topic: string, payload: Uint8Array | string, id: Uint8Array = new Uint8Array(0)): Promise<Result> {
    const before = this.received.all.length;
    await this.client.publishAsync(topic, Buffer.from(payload), { qos: 1 });
    const result = this.received.all.slice(before).find((it) => it.kind === 'result' && Buffer.from(it.value.id).equals(Buffer.from(id)));
    assert.ok(result?.kind === 'result', `the result of a publish to ${topic} comes before its PUBACK`);
    return result.value;
  }

  read(conversation: string, seq: number | bigint): Promise<unknown> {
    return this.client.publishAsync(publishTopics.read(conversation), Buffer.from(toBinary(ReadSchema, create(ReadSchema, { seq: BigInt(seq) }))), { qos: 1 });
  }

  setPresence(state: State): Promise<unknown> {
    const payload = toBinary(PresenceSchema, create(PresenceSchema, { state }));
    return this.client.publishAsync(publishTopics.presence(this.user), Buffer.from(payload), { qos: 1, retain: true });
  }

  /** Makes a control call; its answer, or the Result that refuses it. */
  async call<M extends MethodName>(method: M, params: MessageInitShape<(typeof methods)[M]['request']>, callId: Uint8Array = newId()): Promise<{ value: ResponseOf<M> | undefined; error: Result | undefined }> {
    const from = this.received.all.length;
    const request = create(RequestSchema, { callId, params: toBinary(methods[method].request, create(methods[method].request, params as never) as never) });
    this.client.publish(publishTopics.rpc(method), Buffer.from(toBinary(RequestSchema, request)), { qos: 1 });
    const { value } = await this.next('rpc', `the answer to ${method}`, (it) => Buffer.from(it.value.callId).equals(Buffer.from(callId)), from);
    return { value: value.error ? undefined : (fromBinary(methods[method].response, value.value) as ResponseOf<M>), error: value.error };
  }

  /** The first delivery of a kind, from the `from`-th that was received on. */
  next<K extends Delivery['kind']>(kind: K, what: string, fits: (it: Of<K>) => boolean = () => true, from = 0): Promise<Of<K>> {
    return this.received.wait(what, (it): it is Of<K> => it.kind === kind && fits(it as Of<K>), from);
  }

  /** The message with this body. */
  message(body: string, from = 0): Promise<Of<'msg'>> {
    return this.next('msg', `the message "${body}"`, (it) => bodyOf(it) === body, from);
  }

  /** The first messages, gaps among them, in the order in which they came. */
  async messages(count: number, from = 0): Promise<Of<'msg'>[]> {
    return (await this.received.waitMany(`${count} messages`, count, (it) => it.kind === 'msg', from)) as Of<'msg'>[];
  }

  /** What came of a kind so far. */
  got<K extends Delivery['kind']>(kind: K): Of<K>[] {
    return this.received.all.filter((it): it is Of<K> => it.kind === kind);
  }

  /** Bodies of the messages so far. */
  get bodies(): string[] {
    return this.got('msg').map(bodyOf);
  }

  /**
   * Resolves when whatever the server had for this device when it was called is here: a note to all its user's
   * devices, this one too, has come the way that all messages come. The note itself is shown to no test.
   */
  async settled(): Promise<void> {
    const callId = newId();
    const params = create(MessagesSendRequestSchema, { to: this.user, message: create(MessageSchema, { body: Buffer.concat([NOTE, callId]), flags: Flag.silent }) });
    const request = create(RequestSchema, { callId, params: toBinary(MessagesSendRequestSchema, params) });
    const came = new Promise<void>((resolve) => this.notes.set(hex(callId), resolve));
    await this.client.publishAsync(publishTopics.rpc('messages.send'), Buffer.from(toBinary(RequestSchema, request)), { qos: 1 });
    await inTime(`the note of ${this.id}`, came);
  }

  private heard(delivery: Delivery): void {
    if (delivery.kind === 'msg' && NOTE.equals(delivery.value.body.subarray(0, NOTE.length))) this.notes.get(hex(delivery.value.body.subarray(NOTE.length)))?.();
    else if (delivery.kind !== 'rpc' || !this.notes.has(hex(delivery.value.callId))) this.received.add(delivery);
  }

  /** Says DISCONNECT. */
  leave(): Promise<void> {
    return this.client.endAsync();
  }

  /** The connection breaks without a word. */
  async drop(): Promise<void> {
    (this.client.stream as unknown as { destroy(): void }).destroy();
    await this.closed;
  }
}
