import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import mqtt, { type Packet } from 'mqtt-packet';

/** One MQTT packet as it was on the wire. */
export interface Frame {
  /** By whom it was sent. */
  readonly sender: string;
  readonly receiver: string;
  readonly bytes: Buffer;
}

/** A client that writes down every packet of its connection, in order. */
export class Tap {
  private unread: Buffer = Buffer.alloc(0);
  private readonly waiting: ((frame: Buffer) => void)[] = [];
  private readonly arrived: Buffer[] = [];

  private constructor(private readonly name: string, private readonly socket: Socket, private readonly record: Frame[]) {
    socket.on('data', (chunk: Buffer) => this.hear(chunk));
  }

  /** @param record what is written down, of all clients together */
  static async connect(name: string, port: number, record: Frame[]): Promise<Tap> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new Tap(name, socket, record);
  }

  send(packet: Packet): void {
    const bytes = mqtt.generate(packet);
    this.record.push({ sender: this.name, receiver: 'server', bytes });
    this.socket.write(bytes);
  }

  /** The next packet of the server. @throws when the connection ends before it is there */
  async receive(): Promise<Buffer> {
    const bytes = this.arrived.shift() ?? (await Promise.race([new Promise<Buffer>((resolve) => this.waiting.push(resolve)), this.ended()]));
    this.record.push({ sender: 'server', receiver: this.name, bytes });
    return bytes;
  }

  close(): void {
    this.socket.destroy();
  }

  private async ended(): Promise<never> {
    await once(this.socket, 'close');
    throw new Error(`the connection of ${this.name} was closed`);
  }

  private hear(chunk: Buffer): void {
    this.unread = Buffer.concat([this.unread, chunk]);
    for (let end = frameEnd(this.unread); end > 0 && end <= this.unread.length; end = frameEnd(this.unread)) {
      const frame = this.unread.subarray(0, end);
      this.unread = this.unread.subarray(end);
      const next = this.waiting.shift();
      if (next) next(frame);
      else this.arrived.push(frame);
    }
  }
}

/** Where the first packet ends (MQTT-2.2.3); 0: too little is there to tell. */
function frameEnd(bytes: Buffer): number {
  let remaining = 0;
  for (let i = 1; i < bytes.length && i < 5; i++) {
    remaining += (bytes[i] & 127) * 128 ** (i - 1);
    if (bytes[i] < 128) return i + 1 + remaining;
  }
  return 0;
}
