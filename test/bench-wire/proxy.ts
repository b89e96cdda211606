import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { PacketReader, Unframer, type Counted } from './packets.js';

export interface ProxyOptions {
  /** Where the server listens, on 127.0.0.1. */
  readonly port: number;
  /** The connections are WebSockets: their upgrade is left out. */
  readonly webSocket?: boolean;
}

/** What went over the connections of a proxy. */
export interface Traffic {
  readonly packets: readonly Counted[];
  /** Bytes of WebSocket frames around the packets. */
  readonly framing: number;
  /** Connections that were opened. */
  readonly connections: number;
}

/**
 * Stands between a client and its server, and counts. It can hold back everything for a while on its way, in both
 * directions, as a network does: what is sent meanwhile was not caused by it, so that round trips can be told apart.
 */
export class CountingProxy {
  /** One way, in milliseconds. */
  latencyMs = 0;
  /** Connections are refused. */
  shut = false;
  #packets: Counted[] = [];
  #framing = 0;
  #connections = 0;
  #lastAt = performance.now();
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly options: ProxyOptions,
  ) {
    server.on('connection', (client: Socket) => (this.shut ? client.destroy() : this.#join(client)));
  }

  static async start(options: ProxyOptions): Promise<CountingProxy> {
    const server = createServer({ noDelay: true });
    const proxy = new CountingProxy(server, options);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** What was counted since this was asked last. */
  take(): Traffic {
    const traffic = { packets: this.#packets, framing: this.#framing, connections: this.#connections };
    this.#packets = [];
    this.#framing = this.#connections = 0;
    return traffic;
  }

  /** Resolves when nothing has come by for so many milliseconds. */
  async quiet(ms: number): Promise<void> {
    for (let left = ms; left > 0; left = this.#lastAt + ms - performance.now()) await new Promise((resolve) => setTimeout(resolve, left));
  }

  /** Breaks all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.shut = true;
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  #join(client: Socket): void {
    this.#connections++;
    const server = connect({ port: this.options.port, host: '127.0.0.1', noDelay: true });
    // The last trip of which each side has heard.
    const heard = { client: 0, server: 0 };
    this.#carry('client', client, server, () => heard.client + 1, (trip) => (heard.server = Math.max(heard.server, trip)));
    this.#carry('server', server, client, () => heard.server, (trip) => (heard.client = Math.max(heard.client, trip)));
  }

  #carry(from: Counted['from'], source: Socket, target: Socket, tripOf: () => number, arrived: (trip: number) => void): void {
    const unframer = this.options.webSocket ? new Unframer() : undefined;
    const packets = new PacketReader();
    this.#sockets.add(source);
    source.on('data', (chunk: Buffer) => {
      this.#lastAt = performance.now();
      const upgrade = unframer?.upgrading ?? false;
      const trip = upgrade ? 0 : tripOf();
      const framing = unframer?.framing ?? 0;
      for (const { name, bytes } of packets.read(unframer ? unframer.read(chunk) : chunk)) this.#packets.push({ from, name, bytes, trip });
      this.#framing += (unframer?.framing ?? 0) - framing;
      const pass = (): void => {
        this.#lastAt = performance.now();
        arrived(trip);
        if (!target.destroyed) target.write(chunk);
      };
      if (this.latencyMs > 0) setTimeout(pass, this.latencyMs);
      else pass();
    });
    source.on('error', () => source.destroy());
    source.on('close', () => {
      this.#sockets.delete(source);
      target.destroy();
    });
  }
}
