import type { Server, Socket } from 'node:net';
import { limits } from 'godwit-schemas';
import type { Logger } from 'pino';
import type { Proxies } from '../config/proxies.js';
import { plainAddress } from './address.js';
import { readProxyHeader } from './proxy-header.js';

/** `source` undefined: no header, or one that names no address. `rest`: what was read and belongs to whoever takes the socket. */
type HandOver = (source: string | undefined, rest: Buffer) => void;

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Takes the PROXY protocol headers off connections that come from trusted proxies, before anything else reads them.
 * A trusted proxy that sends no header (a health check) speaks for itself. Others' headers are never parsed: to them
 * the header is what it is, a broken packet.
 */
export class BehindProxies {
  private readonly waiting = new Set<Socket>();
  /** The clients of TLS connections, by the proxy's end of the connection: the TLS socket is another object than the one the header came on. */
  private readonly clients = new Map<string, { source: string }>();

  constructor(private readonly proxies: Proxies, private readonly log: Logger) {}

  /** Calls `next` when the header is read, or at once where there can be none. Ends connections whose header is bad or late. */
  take(socket: Socket, next: HandOver): void {
    const address = socket.remoteAddress;
    if (address === undefined) socket.destroy();
    else if (!this.proxies.trusts(address)) next(undefined, NOTHING);
    else this.read(socket, next);
  }

  /** Puts the header in front of a server (HTTP, TLS) that reads its connections itself. Call before it listens. */
  guard(server: Server): void {
    if (this.proxies.list.length === 0) return;
    const listeners = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      this.take(socket, (source, rest) => {
        if (source !== undefined) this.remember(socket, source);
        if (rest.length > 0) socket.unshift(rest);
        for (const listener of listeners) listener.call(server, socket);
      });
    });
  }

  /** The address of the client of a socket that came through a guarded server (the TLS socket, where there is one); undefined: it is gone. */
  addressOf(socket: Socket): string | undefined {
    if (socket.remoteAddress === undefined) return undefined;
    return this.clients.get(endOf(socket))?.source ?? plainAddress(socket.remoteAddress);
  }

  /** Ends the connections whose header has not come. */
  close(): void {
    for (const socket of this.waiting) socket.destroy();
  }

  private read(socket: Socket, next: HandOver): void {
    let bytes: Buffer = NOTHING;
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const header = readProxyHeader(bytes);
      if (header.kind === 'more') return;
      done();
      if (header.kind === 'none') next(undefined, bytes);
      else if (header.kind === 'header') next(header.source, bytes.subarray(header.length));
      else {
        this.log.warn({ proxy: socket.remoteAddress, why: header.why }, 'connection of a trusted proxy refused');
        socket.destroy();
      }
    };
    const drop = (): void => {
      done();
      socket.destroy();
    };
    const done = (): void => {
      clearTimeout(timer);
      this.waiting.delete(socket);
      socket.removeListener('readable', onReadable);
      for (const event of ['error', 'end', 'close']) socket.removeListener(event, drop);
    };
    const timer = setTimeout(drop, limits.connectTimeoutMs.value);
    this.waiting.add(socket);
    socket.on('readable', onReadable);
    for (const event of ['error', 'end', 'close']) socket.on(event, drop);
  }

  private remember(socket: Socket, source: string): void {
    const end = endOf(socket);
    const client = { source };
    this.clients.set(end, client);
    socket.once('close', () => {
      // The proxy may have come back from the same port before this was told.
      if (this.clients.get(end) === client) this.clients.delete(end);
    });
  }
}

function endOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localPort}`;
}
