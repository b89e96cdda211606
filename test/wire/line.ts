import { once } from 'node:events';
import { connect as dial, type Socket } from 'node:net';
import { connect as dialTls } from 'node:tls';
import type { Random } from '../schemas/random.js';
import { FrameCounter } from './frames.js';
import { frame, FrameReader, Opcode, upgradeRequest } from './websocket-frames.js';

export type Transport = 'tcp' | 'tls' | 'ws' | 'wss';

export interface Ports {
  mqttPort: number;
  mqttsPort: number;
  httpPort: number;
}

export interface LineOptions {
  /** Where it comes from: one of 127.0.0.0/8. Default: 127.0.0.1. */
  from?: string;
  /** Without the handshakes of TLS and WebSocket. */
  bare?: boolean;
}

/** One connection as an attacker has it: bytes go out as they are, and what comes back is counted. */
export class Line {
  readonly frames = new FrameCounter();
  open = true;
  /** Why the server's bytes are wrong. */
  broken: Error | undefined;
  /** What is known of why it was closed. */
  why = '';
  readonly closed: Promise<void>;
  private readonly waiting = new Set<() => void>();
  private readonly reader = new FrameReader();
  private upgraded = false;
  private response = '';

  private constructor(readonly socket: Socket, private readonly webSocket: boolean) {
    socket.on('data', (chunk: Buffer) => this.heard(chunk));
    // A server may reset what it does not want to hear; 'close' follows.
    socket.on('error', (error) => {
      this.why ||= error.message;
      socket.destroy();
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.open = false;
        resolve();
        this.look();
      });
    });
  }

  static async open(transport: Transport, { mqttPort, mqttsPort, httpPort }: Ports, { from, bare = false }: LineOptions = {}): Promise<Line> {
    const webSocket = transport === 'ws' || transport === 'wss';
    const port = webSocket ? httpPort : transport === 'tls' ? mqttsPort : mqttPort;
    const secure = transport === 'tls' || transport === 'wss';
    const raw = dial({ port, host: '127.0.0.1', noDelay: true, ...(from !== undefined && { localAddress: from }) });
    const socket = secure && !bare ? dialTls({ socket: raw, rejectUnauthorized: false }) : raw;
    const line = new Line(socket, webSocket && !bare);
    await Promise.race([once(socket, secure && !bare ? 'secureConnect' : 'connect'), line.closed]);
    if (line.webSocket && line.open) {
      socket.write(upgradeRequest());
      await line.until(() => line.upgraded);
    }
    return line;
  }

  /** Sends bytes; on a WebSocket in one frame. */
  write(bytes: Buffer): void {
    this.writeBare(this.webSocket ? frame(Opcode.binary, bytes) : bytes);
  }

  /** Sends them in two pieces of a message, where there is such a thing. */
  writeInPieces(bytes: Buffer, random: Random): void {
    const cut = random.below(bytes.length + 1);
    if (!this.webSocket) return this.write(bytes);
    this.writeBare(Buffer.concat([frame(Opcode.binary, bytes.subarray(0, cut), { first: Opcode.binary }), frame(Opcode.continuation, bytes.subarray(cut))]));
  }

  writeBare(bytes: Buffer): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** Ends it in good order; the server must end its half too. */
  end(): void {
    if (this.webSocket) this.writeBare(frame(Opcode.close, Buffer.from([3, 232])));
    this.socket.end();
  }

  /** Breaks it. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Resolves when it holds, or the connection is closed. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.open && !holds()) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
    });
  }

  private heard(chunk: Buffer): void {
    try {
      if (!this.webSocket) this.frames.add(chunk);
      else if (this.upgraded) this.heardFrames(chunk);
      else this.heardResponse(chunk);
    } catch (error) {
      this.broken ??= error as Error;
      this.socket.destroy();
    }
    this.look();
  }

  private heardResponse(chunk: Buffer): void {
    this.response += chunk.toString('latin1');
    const end = this.response.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!this.response.startsWith('HTTP/1.1 101 ')) throw new Error(`the WebSocket was refused: ${this.response}`);
    this.upgraded = true;
    const rest = Buffer.from(this.response.slice(end + 4), 'latin1');
    if (rest.length > 0) this.heardFrames(rest);
  }

  private heardFrames(chunk: Buffer): void {
    for (const { opcode, payload } of this.reader.read(chunk)) {
      if (opcode === Opcode.binary) this.frames.add(payload);
      else if (opcode === Opcode.close) {
        this.why ||= payload.length < 2 ? 'WebSocket close' : `WebSocket close ${payload.readUInt16BE(0)} ${payload.subarray(2)}`;
        this.end();
      }
    }
  }

  private look(): void {
    for (const look of this.waiting) look();
  }
}
