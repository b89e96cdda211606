import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import mqttPacket, { type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';
import {
  Code,
  create,
  deliveryTopics,
  directConversation,
  EventSchema,
  fromBinary,
  GapSchema,
  matchesFilter,
  MessageSchema,
  parseClientId,
  parsePublishTopic,
  ReceiptSchema,
  RequestSchema,
  ResponseSchema,
  ResultSchema,
  toBinary,
  type Message,
  type MessageInitShape,
  type Reason,
} from 'godwit-schemas';
import { FakeLog, isOf, stamped } from './fake-log.js';

type ResultInit = MessageInitShape<typeof ResultSchema>;
type Answer = 'result' | 'puback';

/** What a device left behind: its filters, where it stands, and what it has not acknowledged. */
class FakeSession {
  readonly user: string;
  readonly device: string;
  readonly filters = new Set<string>();
  readonly unacknowledged = new Map<number, { topic: string; payload: Uint8Array }>();
  readonly places = new Map<string, { position: number; last: number; started: boolean }>();
  connection: FakeConnection | undefined;
  #packetId = 0;

  constructor(readonly clientId: string) {
    ({ user: this.user, device: this.device } = parseClientId(clientId)!);
  }

  takes(topic: string): boolean {
    return [...this.filters].some((filter) => matchesFilter(filter, topic));
  }

  deliver(topic: string, payload: Uint8Array, qos: 0 | 1 = 1): void {
    if (!this.takes(topic)) return;
    if (qos === 0) return this.connection?.send({ cmd: 'publish', topic, payload: Buffer.from(payload), qos: 0, dup: false, retain: false });
    const messageId = ++this.#packetId;
    this.unacknowledged.set(messageId, { topic, payload });
    this.connection?.send({ cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, messageId, dup: false, retain: false });
  }

  resend(): void {
    for (const [messageId, { topic, payload }] of this.unacknowledged) {
      this.connection!.send({ cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, messageId, dup: true, retain: false });
    }
  }
}

class FakeConnection {
  session!: FakeSession;

  constructor(readonly socket: net.Socket) {}

  send(packet: Packet): void {
    if (this.socket.writable) this.socket.write(mqttPacket.generate(packet));
  }
}

/**
 * A server in memory that speaks the protocol and does as it is told: for what a real one does not do on demand.
 * Every packet that arrives is in `received`, and wakes `until`.
 */
export class FakeBroker {
  readonly log = new FakeLog();
  readonly sessions = new Map<string, FakeSession>();
  readonly received: { clientId: string; packet: Packet; connection: number }[] = [];
  readonly connects: IConnectPacket[] = [];
  /** CONNACK's return code. */
  onConnect: (packet: IConnectPacket) => number = () => 0;
  /** A refusal, or undefined to accept. */
  onMessage: (message: Message, topic: string, user: string) => ResultInit | undefined = () => undefined;
  /** A refusal of a publish without an id. */
  onControl: (topic: string, payload: Uint8Array) => ResultInit | undefined = () => undefined;
  /** The answer of a control call; undefined: none. */
  onCall: (method: string, params: Uint8Array) => { value: Uint8Array } | { error: ResultInit } | undefined = () => ({ value: new Uint8Array(0) });
  /** Called before each answer; false: it is not given. */
  answers: (answer: Answer, topic: string) => boolean = () => true;
  /** Granted QoS of a filter. */
  onSubscribe: (filter: string) => number = () => 1;
  answersPings = true;
  #events = new EventEmitter();
  #sockets = new Set<net.Socket>();
  #server: net.Server;
  #connections = 0;

  private constructor() {
    this.#events.setMaxListeners(0);
    this.#server = net.createServer((socket) => this.#accept(socket));
  }

  static async start(port = 0): Promise<FakeBroker> {
    const broker = new FakeBroker();
    broker.#server.listen(port, '127.0.0.1');
    await once(broker.#server, 'listening');
    return broker;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.dropAll();
    await closed;
  }

  /** Resolves when it is so; looked at after every packet. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await once(this.#events, 'packet');
  }

  publishes(topic?: string): IPublishPacket[] {
    return this.received.flatMap(({ packet }) => (packet.cmd === 'publish' && (!topic || packet.topic === topic) ? [packet] : []));
  }

  pubacks(): number[] {
    return this.received.flatMap(({ packet }) => (packet.cmd === 'puback' ? [packet.messageId!] : []));
  }

  /** Messages published, in the order of their arrival. */
  messages(): Message[] {
    return this.publishes().flatMap(({ topic, payload }) => (parsePublishTopic(topic)?.kind === 'to' ? [fromBinary(MessageSchema, payload as Buffer)] : []));
  }

  session(user: string): FakeSession {
    for (const session of this.sessions.values()) if (session.user === user) return session;
    throw new Error(`no session of ${user}`);
  }

  cut(user: string): void {
    this.session(user).connection?.socket.destroy();
  }

  /** Cuts every connection. */
  dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** A message from someone, as if they had published it. */
  say(from: string, to: string, init: MessageInitShape<typeof MessageSchema>): number {
    const conversation = directConversation(from, to);
    const { seq } = this.log.append(conversation, from, 'elsewhere', init);
    this.#pumpAll(conversation);
    return seq;
  }

  /** Places that nobody is given: the log goes on behind them. */
  gap(conversation: string, places: number, reason: Reason): void {
    const entries = this.log.entries(conversation);
    const from = (entries.at(-1)?.seq ?? 0) + 1;
    const to = from + places - 1;
    const gap = create(GapSchema, { from: BigInt(from), to: BigInt(to), reason });
    entries.push({ seq: to, sentAtMs: this.log.now(), message: create(MessageSchema), from: '', device: '', event: { $typeName: 'godwit.v1.Event', kind: { case: 'gap', value: gap } } });
    this.#pumpAll(conversation);
  }

  /** An entry of the server's own in a log. */
  event(conversation: string, init: MessageInitShape<typeof EventSchema>): void {
    this.log.append(conversation, '', '', { flags: 1 }, create(EventSchema, init));
    this.#pumpAll(conversation);
  }

  /** A log from its beginning on, as if the server had not been told that it is had. */
  again(user: string, conversation: string): void {
    this.session(user).places.delete(conversation);
    this.#pumpAll(conversation);
  }

  receipt(user: string, init: MessageInitShape<typeof ReceiptSchema>, session = this.session(user)): void {
    session.deliver(deliveryTopics.receipt(user), toBinary(ReceiptSchema, create(ReceiptSchema, init)));
  }

  result(user: string, init: ResultInit, session = this.session(user)): void {
    session.deliver(deliveryTopics.result(user), toBinary(ResultSchema, create(ResultSchema, init)), 0);
  }

  #accept(socket: net.Socket): void {
    this.#sockets.add(socket);
    const connection = new FakeConnection(socket);
    const number = ++this.#connections;
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    socket.setNoDelay(true);
    socket.on('data', (chunk) => parser.parse(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (connection.session?.connection === connection) connection.session.connection = undefined;
      this.#events.emit('packet');
    });
    parser.on('packet', (packet) => {
      if (packet.cmd === 'connect') this.#connect(packet, connection);
      this.received.push({ clientId: connection.session?.clientId ?? '', packet, connection: number });
      this.#handle(packet, connection);
      this.#events.emit('packet');
    });
  }

  #connect(packet: IConnectPacket, connection: FakeConnection): void {
    this.connects.push(packet);
    const returnCode = this.onConnect(packet);
    const known = this.sessions.get(packet.clientId);
    connection.send({ cmd: 'connack', returnCode, sessionPresent: returnCode === 0 && known !== undefined });
    if (returnCode !== 0) return void connection.socket.end();
    const session = known ?? new FakeSession(packet.clientId);
    this.sessions.set(packet.clientId, session);
    if (session.connection) {
      this.result(session.user, { code: Code.TAKEN_OVER }, session);
      session.connection.socket.end();
    }
    session.connection = connection;
    connection.session = session;
    session.resend();
    for (const conversation of this.log.conversations.keys()) this.#pump(session, conversation);
  }

  #handle(packet: Packet, connection: FakeConnection): void {
    const { session } = connection;
    switch (packet.cmd) {
      case 'publish':
        return this.#publish(packet, connection);
      case 'puback':
        session.unacknowledged.delete(packet.messageId!);
        return;
      case 'subscribe': {
        const granted = packet.subscriptions.map(({ topic }) => this.onSubscribe(topic));
        packet.subscriptions.forEach(({ topic }, i) => granted[i] < 128 && session.filters.add(topic));
        connection.send({ cmd: 'suback', messageId: packet.messageId, granted });
        for (const conversation of this.log.conversations.keys()) this.#pump(session, conversation);
        return;
      }
      case 'unsubscribe':
        for (const topic of packet.unsubscriptions) session.filters.delete(topic);
        return connection.send({ cmd: 'unsuback', messageId: packet.messageId!, granted: [] });
      case 'pingreq':
        if (this.answersPings) connection.send({ cmd: 'pingresp' });
        return;
      case 'disconnect':
        connection.socket.end();
    }
  }

  #publish(packet: IPublishPacket, connection: FakeConnection): void {
    const { session } = connection;
    const topic = parsePublishTopic(packet.topic)!;
    const payload = packet.payload as Buffer;
    const answer = (result: ResultInit): void => {
      if (this.answers('result', packet.topic)) session.deliver(deliveryTopics.result(session.user), toBinary(ResultSchema, create(ResultSchema, result)), 0);
    };
    if (topic.kind === 'to') {
      const message = fromBinary(MessageSchema, payload);
      const refusal = this.onMessage(message, packet.topic, session.user);
      if (refusal) {
        answer({ id: message.id, ...refusal });
      } else {
        const conversation = directConversation(session.user, topic.user);
        const { seq, sentAtMs } = this.log.append(conversation, session.user, session.device, message);
        answer({ id: message.id, seq: BigInt(seq), sentAtMs: BigInt(sentAtMs), code: Code.OK });
        this.#pumpAll(conversation);
      }
    } else {
      const refusal = this.onControl(packet.topic, payload);
      if (refusal) answer({ packetId: packet.messageId ?? 0, ...refusal });
      else if (topic.kind === 'rpc') this.#call(topic.method, payload, session);
    }
    if (packet.qos === 1 && this.answers('puback', packet.topic)) connection.send({ cmd: 'puback', messageId: packet.messageId });
  }

  #call(method: string, payload: Uint8Array, session: FakeSession): void {
    const { callId, params } = fromBinary(RequestSchema, payload);
    const answer = this.onCall(method, params);
    if (!answer) return;
    const response = 'value' in answer ? { callId, value: answer.value } : { callId, error: create(ResultSchema, answer.error) };
    session.deliver(deliveryTopics.rpc(session.user), toBinary(ResponseSchema, create(ResponseSchema, response)), 0);
  }

  #pumpAll(conversation: string): void {
    for (const session of this.sessions.values()) this.#pump(session, conversation);
  }

  #pump(session: FakeSession, conversation: string): void {
    if (!isOf(conversation, session.user) || !session.takes(deliveryTopics.msg(session.user))) return;
    let place = session.places.get(conversation);
    if (!place) session.places.set(conversation, (place = { position: 0, last: 0, started: false }));
    for (const entry of this.log.entries(conversation)) {
      if (entry.seq <= place.position) continue;
      place.position = entry.seq;
      if (entry.from === session.user && entry.device === session.device) continue;
      const after = place.started && place.last === entry.seq - 1 ? 0 : place.last;
      session.deliver(deliveryTopics.msg(session.user), stamped(conversation, entry, after));
      place.last = entry.seq;
      place.started = true;
    }
  }
}
