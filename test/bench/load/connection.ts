import { connect, type Socket } from 'node:net';
import { connectFrame, disconnectFrame, readHeader, subscribeFrame, type Account, type Header } from './frames.js';

/** What a workload does with what arrives. `chunk` is only good during the call. */
export interface Handler {
  acknowledged(): void;
  arrived(chunk: Buffer, topicAt: number, topicEnd: number, payloadAt: number): void;
  /** All of one read was handled. What is put into `output` now leaves in one write together with the acknowledgements. */
  turn(): void;
  /** The same, after that write: other connections may be written to. */
  afterTurn(): void;
}

/**
 * Bytes on their way into a socket. One buffer serves all connections: a turn fills it and `flush` empties it.
 * It is used again only when the kernel has taken all of it.
 */
class Output {
  buffer = Buffer.allocUnsafeSlow(1 << 18);
  used = 0;

  /** Room for `bytes`; what stands before goes out first if it must. */
  reserve(bytes: number, socket: Socket): number {
    if (this.used + bytes > this.buffer.length) this.flush(socket);
    const at = this.used;
    this.used += bytes;
    return at;
  }

  flush(socket: Socket): void {
    if (this.used === 0) return;
    // What still arrives behind our DISCONNECT is not acknowledged.
    if (socket.writable) socket.write(this.buffer.subarray(0, this.used));
    if (socket.writableLength > 0) this.buffer = Buffer.allocUnsafeSlow(this.buffer.length);
    this.used = 0;
  }
}

export const output = new Output();

/** All sockets read into this one: its content is handled before the next read. */
const input = Buffer.allocUnsafeSlow(1 << 18);
const header: Header = { start: 0, end: 0 };

export interface Server {
  host: string;
  port: number;
}

/** One MQTT client: CONNECT, SUBSCRIBE, PUBACK. It parses in place and acknowledges what arrives at once. */
export class Connection {
  handler: Handler | undefined;
  private socket: Socket;
  private rest: Buffer | undefined;
  private nextPacketId = 0;
  private failed: Error | undefined;
  private closing = false;
  private waiting: { resolve: (value: number) => void; reject: (error: Error) => void } | undefined;
  private readonly closed: Promise<void>;

  private constructor(server: Server, private readonly account: Account) {
    this.socket = connect({
      host: server.host,
      port: server.port,
      noDelay: true,
      onread: { buffer: input, callback: (bytes) => this.read(bytes) },
    });
    this.socket.once('connect', () => this.socket.write(connectFrame(account)));
    this.socket.on('error', (error) => (this.failed ??= error));
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    void this.closed.then(() => {
      if (this.closing) return;
      this.failed ??= new Error('the server closed the connection');
      this.waiting?.reject(new Error(`${account.clientId}: ${this.failed.message}`));
    });
  }

  /** Resolves at the CONNACK; `handler` hears everything after it, also what comes in the same read. */
  static async open(server: Server, account: Account, handler?: Handler): Promise<{ connection: Connection; sessionPresent: boolean }> {
    const connection = new Connection(server, account);
    connection.handler = handler;
    const answer = await connection.answer();
    if ((answer & 0xff) !== 0) throw new Error(`${account.clientId}: refused with CONNACK ${answer & 0xff}`);
    return { connection, sessionPresent: answer >> 8 === 1 };
  }

  async subscribe(filter: string): Promise<void> {
    this.socket.write(subscribeFrame(this.packetId(), filter));
    if ((await this.answer()) > 2) throw new Error(`${this.account.clientId}: may not subscribe to ${filter}`);
  }

  /** The reason why this connection ended by itself, if it did. */
  get error(): Error | undefined {
    return this.failed && new Error(`${this.account.clientId}: ${this.failed.message}`);
  }

  packetId(): number {
    this.nextPacketId = this.nextPacketId === 65535 ? 1 : this.nextPacketId + 1;
    return this.nextPacketId;
  }

  /** Room in `output` for a frame of this connection. */
  reserve(bytes: number): number {
    return output.reserve(bytes, this.socket);
  }

  flush(): void {
    output.flush(this.socket);
  }

  /** Ends with a DISCONNECT. */
  async leave(): Promise<void> {
    this.closing = true;
    this.socket.end(disconnectFrame);
    await this.closed;
  }

  /** Ends as a lost link does, without a word. */
  async drop(): Promise<void> {
    this.closing = true;
    this.socket.destroy();
    await this.closed;
  }

  private answer(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.failed) reject(this.error);
      this.waiting = { resolve, reject };
    });
  }

  private answered(value: number): void {
    this.waiting?.resolve(value);
    this.waiting = undefined;
  }

  private read(bytes: number): boolean {
    let chunk = input;
    let end = bytes;
    if (this.rest) {
      chunk = Buffer.concat([this.rest, input.subarray(0, bytes)]);
      end = chunk.length;
    }
    let at = 0;
    while (at < end && readHeader(chunk, at, end, header)) {
      const next = header.end;
      this.packet(chunk, chunk[at], header.start, next);
      at = next;
    }
    this.rest = at < end ? Buffer.from(chunk.subarray(at, end)) : undefined;
    this.handler?.turn();
    output.flush(this.socket);
    this.handler?.afterTurn();
    return true;
  }

  private packet(chunk: Buffer, first: number, start: number, end: number): void {
    switch (first >> 4) {
      case 3: {
        const topicEnd = start + 2 + ((chunk[start] << 8) | chunk[start + 1]);
        let payloadAt = topicEnd;
        if (first & 0x06) {
          const at = output.reserve(4, this.socket);
          const out = output.buffer;
          out[at] = 0x40;
          out[at + 1] = 2;
          out[at + 2] = chunk[topicEnd];
          out[at + 3] = chunk[topicEnd + 1];
          payloadAt += 2;
        }
        this.handler?.arrived(chunk, start + 2, topicEnd, payloadAt);
        return;
      }
      case 4:
        this.handler?.acknowledged();
        return;
      case 2:
        this.answered((chunk[start] << 8) | chunk[start + 1]);
        return;
      case 9:
        this.answered(chunk[end - 1]);
        return;
      default:
        this.failed ??= new Error(`packet type ${first >> 4} was not expected`);
        this.socket.destroy();
    }
  }
}

/** Opens many, at most `atOnce` in their handshake at a time. */
export async function openAll<T>(count: number, atOnce: number, open: (index: number) => Promise<T>): Promise<T[]> {
  const opened = new Array<T>(count);
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const index = next++;
      opened[index] = await open(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
  return opened;
}
