import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { READ_AHEAD_BYTES } from './read-ahead.js';

const BINARY = { binary: true, compress: false };

/** RFC 6455, section 7.4.1: data of a kind that is not taken. MQTT-6.0.0-1: MQTT travels in binary frames only. */
const UNSUPPORTED_DATA = 1003;

/**
 * The byte stream that MQTT is, over a WebSocket: frames are joined on the way in (MQTT-6.0.0-2), each write is one
 * frame on the way out. Slimmer than `createWebSocketStream` of `ws`, and `writableLength` is 0 as soon as the
 * socket has taken the bytes: then the writer may use its buffer again.
 */
export class WebSocketStream extends Duplex {
  private failure: Error | null = null;

  constructor(
    private readonly ws: WebSocket,
    private readonly socket: Socket,
  ) {
    super({ allowHalfOpen: false, highWaterMark: READ_AHEAD_BYTES });
    ws.on('message', (data: Buffer, isBinary: boolean) => {
      if (!isBinary) ws.close(UNSUPPORTED_DATA);
      else if (!this.push(data)) ws.pause();
    });
    ws.on('error', (error) => {
      this.failure = error;
    });
    ws.on('close', () => {
      if (this.failure) this.destroy(this.failure);
      else if (!this.destroyed) this.push(null);
    });
  }

  override _read(): void {
    if (this.ws.isPaused) this.ws.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    let called = false;
    const done = (error?: Error | null): void => {
      if (called) return;
      called = true;
      callback(error);
    };
    this.ws.send(chunk, BINARY, done);
    if (this.ws.readyState === this.ws.OPEN && this.socket.writableLength === 0) done();
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], callback: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'binary', callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.ws.readyState === this.ws.CLOSED) {
      callback();
      return;
    }
    this.ws.once('close', () => callback());
    this.ws.close();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.ws.terminate();
    callback(error);
  }
}
