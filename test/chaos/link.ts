import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Flow } from './flow.js';

export type Direction = 'up' | 'down';

/** What planted faults do to the bytes of a direction; see plant.ts. */
export interface Tamper {
  /** Whole frames of the server may be changed, left out or added; `answer` writes to the server in the client's name. */
  down(chunk: Buffer, answer: (bytes: Buffer) => void): Buffer;
}

/** One connection through a link: a client's socket and the server's. */
interface Pair {
  client: Socket;
  server: Socket;
  up: Flow;
  down: Flow;
}

/**
 * The way of one device to the server: a TCP proxy with a port of its own, that can do what networks do. It keeps its
 * port for the whole round, whatever happens to the server behind it.
 */
export class Link {
  port = 0;
  private readonly listener: Server;
  private readonly pairs = new Set<Pair>();
  private slow: { delayMs: number; bytesPerSecond: number } | undefined;

  constructor(private readonly target: () => number, private readonly tamper?: () => Tamper) {
    this.listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.accept(client));
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.listener.listen(0, '127.0.0.1', resolve));
    this.port = (this.listener.address() as AddressInfo).port;
    return this.port;
  }

  close(): void {
    this.listener.close();
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.destroy();
    }
  }

  /** The connections of now forward nothing more in these directions, and are not closed: neither end is told. */
  cut(directions: readonly Direction[]): void {
    for (const pair of this.pairs) for (const direction of directions) pair[direction].stop();
  }

  /** As `cut`, until `resume`. */
  stall(): void {
    for (const pair of this.pairs) for (const flow of [pair.up, pair.down]) flow.hold();
  }

  resume(): void {
    for (const pair of this.pairs) for (const flow of [pair.up, pair.down]) flow.release();
  }

  /** These connections and those that come. */
  slowDown(delayMs: number, bytesPerSecond: number): void {
    this.slow = { delayMs, bytesPerSecond };
    for (const { up, down } of this.pairs) for (const flow of [up, down]) flow.slowDown(delayMs, bytesPerSecond);
  }

  speedUp(): void {
    this.slow = undefined;
    for (const { up, down } of this.pairs) for (const flow of [up, down]) flow.speedUp();
  }

  /** After so many more bytes in a direction, both ends get an RST: the last packet was cut in two. */
  reset(direction: Direction, afterBytes: number): void {
    for (const pair of this.pairs) pair[direction].breakAfter(afterBytes, () => this.end(pair));
  }

  /** Everything is as it should be; what was cut is reset. */
  heal(): void {
    this.speedUp();
    this.resume();
    for (const pair of this.pairs) if (pair.up.stopped || pair.down.stopped) this.end(pair);
  }

  private accept(client: Socket): void {
    const server = connect({ host: '127.0.0.1', port: this.target(), allowHalfOpen: true, noDelay: true });
    const tamper = this.tamper?.();
    const pair: Pair = {
      client,
      server,
      up: new Flow(client, server),
      down: new Flow(server, client, tamper && ((chunk) => tamper.down(chunk, (bytes) => server.write(bytes)))),
    };
    this.pairs.add(pair);
    if (this.slow) for (const flow of [pair.up, pair.down]) flow.slowDown(this.slow.delayMs, this.slow.bytesPerSecond);
    for (const [socket, flow] of [[client, pair.up], [server, pair.down]] as const) {
      socket.on('error', () => undefined);
      // An end that went away is told to the other one, unless the way there is cut.
      socket.on('close', () => {
        if (!flow.stopped || (client.closed && server.closed)) this.end(pair);
      });
    }
  }

  private end(pair: Pair): void {
    this.pairs.delete(pair);
    pair.up.stop();
    pair.down.stop();
    for (const socket of [pair.client, pair.server]) if (!socket.destroyed) socket.resetAndDestroy();
  }
}
