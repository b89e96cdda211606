import mqttPacket, { type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';
import { Code, create, deliveryTopics, ResultSchema, toBinary } from 'godwit-schemas';
import { webSocketTransport, type Transport } from 'godwit-client';

/**
 * A network and a server in memory, for tests in which time does not pass by itself: sockets that connect or do not,
 * and go dead without a word.
 */
export class FakeNet {
  readonly sockets: FakeSocket[] = [];
  readonly packets: { packet: Packet; socket: number }[] = [];
  /** New connections fail. */
  down = false;
  /** Nothing arrives any more, either way, and nobody is told. */
  dead = false;
  /** What the server has accepted and not told yet; undefined: it tells at once. */
  accepted: (() => void)[] | undefined;
  readonly transport: Transport;
  /** The connection of each client id. */
  readonly sessions = new Map<string, FakeSocket | undefined>();

  constructor() {
    const net = this;
    this.transport = webSocketTransport({
      WebSocket: class extends FakeSocket {
        constructor() {
          super(net);
        }
      },
    });
  }

  get connects(): IConnectPacket[] {
    return this.packets.flatMap(({ packet }) => (packet.cmd === 'connect' ? [packet] : []));
  }

  publishes(topic: string): IPublishPacket[] {
    return this.packets.flatMap(({ packet }) => (packet.cmd === 'publish' && packet.topic === topic ? [packet] : []));
  }

  /** What was sent since, as `socket:command`. */
  since(packets: number): string[] {
    return this.packets.slice(packets).map(({ packet, socket }) => `${socket}:${packet.cmd}`);
  }
}

/** What the slim transport sees of a WebSocket. */
class FakeSocket {
  binaryType = '';
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly number: number;
  readonly #parser = mqttPacket.parser({ protocolVersion: 4 });

  constructor(private readonly net: FakeNet) {
    this.number = net.sockets.push(this);
    this.#parser.on('packet', (packet) => this.#received(packet));
    queueMicrotask(() => {
      if (net.down) this.end();
      else if (!net.dead) this.#open();
    });
  }

  send(bytes: Uint8Array): void {
    // Not in the middle of a packet that is being answered: the parser is in it still.
    queueMicrotask(() => !this.net.dead && this.#parser.parse(Buffer.from(bytes)));
  }

  close(): void {
    this.readyState = 3;
  }

  /** Closed by the other side. */
  end(): void {
    this.readyState = 3;
    this.onclose?.({ code: 1006, reason: '' });
  }

  #open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  #answer(packet: Packet): void {
    const bytes = Uint8Array.from(mqttPacket.generate(packet));
    if (this.readyState === 1) this.onmessage?.({ data: bytes.buffer });
  }

  #received(packet: Packet): void {
    this.net.packets.push({ packet, socket: this.number });
    if (packet.cmd === 'connect') {
      const before = this.net.sessions.get(packet.clientId);
      this.net.sessions.set(packet.clientId, this);
      const tell = (): void => {
        before?.takeOver(packet.username!);
        this.#answer({ cmd: 'connack', returnCode: 0, sessionPresent: before !== undefined });
      };
      if (this.net.accepted) this.net.accepted.push(tell);
      else tell();
    } else if (packet.cmd === 'subscribe') this.#answer({ cmd: 'suback', messageId: packet.messageId, granted: packet.subscriptions.map(() => 1) });
    else if (packet.cmd === 'publish' && packet.topic.startsWith('presence/')) this.#answer({ cmd: 'puback', messageId: packet.messageId });
    else if (packet.cmd === 'pingreq') this.#answer({ cmd: 'pingresp' });
  }

  /** As the server does it: the result says why, then the connection ends. */
  takeOver(user: string): void {
    const payload = Buffer.from(toBinary(ResultSchema, create(ResultSchema, { code: Code.TAKEN_OVER })));
    this.#answer({ cmd: 'publish', topic: deliveryTopics.result(user), payload, qos: 0, dup: false, retain: false });
    this.end();
  }
}
