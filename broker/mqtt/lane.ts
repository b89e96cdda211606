import { Readable, type Duplex } from 'node:stream';
import { limits } from 'godwit-schemas';
import { breachOf, packetIdAt, validTopicName } from './breaches.js';

/** What the lane tells its connection. Everything is a range of `buffer`, valid only during the call. */
export interface LaneHandler {
  /** A whole CONNECT has come, before the MQTT layer sees it. False: refused (the handler has answered). */
  connect(buffer: Buffer): boolean;
  /**
   * A PUBLISH at QoS 0 or 1. A promise holds everything that comes behind it until it settles; it must not reject.
   * `payload` ends at `end`. Packet id 0: QoS 0.
   */
  publish(buffer: Buffer, topicStart: number, topicEnd: number, payload: number, end: number, packetId: number, dup: boolean): void | Promise<void>;
  puback(packetId: number): void;
  /** A PUBLISH at QoS 2 goes on to Aedes. What comes behind it waits until it stands in line: no QoS overtakes another. */
  handedOn(): Promise<void>;
  ping(): void;
  /** Bytes came (any frame): keepalive and leases live on it. */
  heard(): void;
  /** The peer broke the protocol: the connection must be ended. */
  violation(why: string): void;
  /** False: there is no room for more publishes; the lane reads on after `resume`. */
  hasRoom(): boolean;
}

export const BAD_TOPIC = 'PUBLISH to a topic with a wildcard, a NUL or bad UTF-8';

const enum Phase {
  Connect,
  Connecting,
  Ready,
  Closed,
}

/** Pieces of a packet that drips in are joined at this number: each has a Buffer of its own, far larger than a byte. */
const MOST_PIECES = 256;

/**
 * The fast lane stands in front of Aedes: an own property `push` on the stream takes each chunk before the Readable
 * does. PUBLISH at QoS 0 and 1, PUBACK and PINGREQ are handled in place; every other whole frame goes on to Aedes by
 * `Readable.prototype.push`. The lane bounds every length before anything is buffered: before CONNECT, one CONNECT of
 * at most `limits.connectBytes`; after it, frames of at most `limits.packetBytes`.
 */
export class Lane {
  private phase = Phase.Connect;
  /** Bytes that wait: an unfinished frame, or whatever came while the lane was held. */
  private held: Buffer | undefined;
  /** Chunks behind `held`, joined only when the frame is whole: a frame that drips in is copied once. */
  private more: Buffer[] | undefined;
  private heldBytes = 0;
  /** Bytes that must be there before it is worth looking again. */
  private needed = 0;
  private busy = false;
  private stopped = false;
  /** Aedes has taken what it was handed. */
  private taken: (() => void) | undefined;
  private readonly streamRead: Duplex['_read'];

  constructor(private readonly stream: Duplex, private readonly handler: LaneHandler) {
    stream.push = (chunk: Buffer | null): boolean => this.push(chunk);
    this.streamRead = stream._read;
    stream._read = (size: number): void => this.wanted(size);
  }

  /** The session is ready: what came behind the CONNECT is handled now. */
  ready(): void {
    if (this.phase !== Phase.Connecting) return;
    this.phase = Phase.Ready;
    this.resume();
  }

  /** There is room again. */
  resume(): void {
    if (this.busy || this.phase !== Phase.Ready) return;
    const held = this.take();
    if (held && !this.consume(held)) return;
    if (this.stopped) {
      this.stopped = false;
      if (!this.stream.destroyed) this.readOn(65_536);
    }
  }

  close(): void {
    this.phase = Phase.Closed;
    this.take();
  }

  private push(chunk: Buffer | null): boolean {
    if (chunk === null) return Readable.prototype.push.call(this.stream, null);
    if (this.phase === Phase.Closed) return true;
    this.handler.heard();
    if (this.phase === Phase.Connecting || this.busy || this.stopped) {
      this.keep(chunk, 0);
      // What a client may send before its CONNACK, and behind a publish that waits, is one buffer of the socket.
      this.stopped ||= this.heldBytes >= 65_536 || this.busy;
      return !this.stopped;
    }
    if (this.held) {
      this.keep(chunk, this.needed);
      if (this.heldBytes < this.needed) return true;
      return this.consume(this.take()!);
    }
    return this.consume(chunk);
  }

  /** Aedes has read, and the stream asks for more. What the lane holds back it must not be given for that. */
  private wanted(size: number): void {
    this.taken?.();
    this.taken = undefined;
    if (this.phase === Phase.Closed || !(this.stopped || this.busy)) this.readOn(size);
  }

  private readOn(size: number): void {
    this.streamRead.call(this.stream, size);
  }

  private keep(chunk: Buffer, needed: number): void {
    if (!this.held) this.held = chunk;
    else if ((this.more ??= []).push(chunk) === MOST_PIECES) this.more = [Buffer.concat(this.more)];
    this.heldBytes += chunk.length;
    this.needed = needed;
  }

  private take(): Buffer | undefined {
    const held = this.more ? Buffer.concat([this.held!, ...this.more]) : this.held;
    this.held = undefined;
    this.more = undefined;
    this.heldBytes = 0;
    this.needed = 0;
    return held;
  }

  /** Handles the whole frames in `data` and keeps the rest. False: stop reading. */
  private consume(data: Buffer): boolean {
    let offset = 0;
    let needed = 0;
    while (offset < data.length) {
      if (this.phase === Phase.Ready && !this.handler.hasRoom()) {
        this.keep(data.subarray(offset), 0);
        this.stopped = true;
        return false;
      }
      if (data.length - offset < 2) break;
      let remaining = 0;
      let at = offset + 1;
      let shift = 0;
      let byte: number;
      do {
        if (at - offset > 4) return this.violate('remaining length of more than four bytes');
        if (at >= data.length) {
          byte = -1;
          break;
        }
        byte = data[at++];
        remaining += (byte & 127) << shift;
        shift += 7;
      } while (byte & 128);
      const first = data[offset];
      if (this.phase === Phase.Connect) {
        if (first !== 0x10) return this.violate('the first packet is not CONNECT');
        if (remaining > limits.connectBytes.value) return this.violate('CONNECT is too large');
      } else if (remaining > limits.packetBytes.value) return this.violate('packet is too large');
      if (byte === -1) break;
      const end = at + remaining;
      if (end > data.length) {
        needed = end - offset;
        break;
      }
      const frame = offset;
      offset = end;
      const waits = this.frame(data, frame, first, at, end);
      // Read anew: handling a frame may have closed the lane, or opened the connection.
      const phase = this.phase as Phase;
      if (phase === Phase.Closed) return true;
      if (waits || phase === Phase.Connecting) {
        if (offset < data.length) this.keep(data.subarray(offset), 0);
        if (!waits) return true;
        this.stopped = true;
        return false;
      }
    }
    if (offset < data.length) this.keep(data.subarray(offset), needed);
    return true;
  }

  /** True: everything behind this frame must wait. */
  private frame(data: Buffer, frame: number, first: number, at: number, end: number): boolean {
    const type = first >>> 4;
    if (this.phase === Phase.Connect) {
      this.phase = Phase.Connecting;
      if (this.handler.connect(data.subarray(frame, end))) this.forward(data, frame, end);
      return false;
    }
    if (type === 3) return this.publish(data, frame, first, at, end);
    if (first === 0x40) {
      if (end - at !== 2) return !this.violate('PUBACK of a wrong length');
      this.handler.puback(packetIdAt(data, at));
      return false;
    }
    if (first === 0xc0 && end === at) {
      this.handler.ping();
      return false;
    }
    if (type === 1) return !this.violate('a second CONNECT');
    if (type === 0 || type === 15) return !this.violate('reserved packet type');
    const breach = breachOf(data, first, at, end);
    if (breach) return !this.violate(breach);
    const taken = this.forward(data, frame, end);
    return taken ? this.wait(taken) : false;
  }

  private publish(data: Buffer, frame: number, first: number, at: number, end: number): boolean {
    const qos = (first >>> 1) & 3;
    if (qos === 3) return !this.violate('PUBLISH with QoS 3');
    if (end - at < 2) return !this.violate('PUBLISH without a topic');
    const topicStart = at + 2;
    const topicEnd = topicStart + packetIdAt(data, at);
    const payload = topicEnd + (qos > 0 ? 2 : 0);
    if (payload > end) return !this.violate('PUBLISH that ends within its header');
    if (topicEnd === topicStart) return !this.violate('PUBLISH with an empty topic');
    const packetId = qos > 0 ? packetIdAt(data, topicEnd) : 0;
    if (qos > 0 && packetId === 0) return !this.violate('PUBLISH with packet id 0');
    if (qos === 0 && first & 8) return !this.violate('PUBLISH with DUP at QoS 0');
    if (qos === 2) {
      if (!validTopicName(data, topicStart, topicEnd)) return !this.violate(BAD_TOPIC);
      return this.wait(Promise.all([this.forward(data, frame, end), this.handler.handedOn()]));
    }
    const waits = this.handler.publish(data, topicStart, topicEnd, payload, end, packetId, (first & 8) !== 0);
    return waits ? this.wait(waits) : false;
  }

  private wait(until: Promise<unknown>): boolean {
    this.busy = true;
    void until.then(() => {
      this.busy = false;
      this.resume();
    });
    return true;
  }

  /**
   * Hands a packet to Aedes. A promise: what comes behind it must wait until Aedes has taken what it was given, and the
   * peer its answers. Aedes itself waits for neither: it is told that every answer was taken (mqtt-packet returns true
   * for all of them), and each one that was not costs a hundred times its size in memory.
   */
  private forward(data: Buffer, frame: number, end: number): Promise<unknown> | undefined {
    const { stream } = this;
    const taken = Readable.prototype.push.call(stream, data.subarray(frame, end)) ? undefined : new Promise<void>((resolve) => (this.taken = resolve));
    if (!stream.writableNeedDrain) return taken;
    return Promise.all([taken, new Promise((resolve) => stream.once('drain', resolve))]);
  }

  /** Returns true, so that it can end `consume`. */
  private violate(why: string): boolean {
    this.close();
    this.handler.violation(why);
    return true;
  }
}

