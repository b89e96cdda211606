import type { IncomingMessage } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type SecureContextOptions, type Server as TlsServer } from 'node:tls';
import { limits } from 'godwit-schemas';
import type { Logger } from 'pino';
import { Proxies } from '../config/proxies.js';
import { forwardedAddress, plainAddress } from './address.js';
import { BehindProxies } from './behind-proxies.js';
import { readCertificate, type CertificateFiles } from './certificate.js';
import { Origins } from './cors.js';
import { makeHttpServer } from './http-server.js';
import { openHttp, type HttpOptions } from './http.js';
import { listen } from './listen.js';
import { READ_AHEAD_BYTES } from './read-ahead.js';
import { serveWebSocket } from './websocket.js';

export { ListenError } from './listen.js';
export type { HttpOptions } from './http.js';

/** Who connects, and by which door. `address` is the client's, where trusted proxies name it. */
export interface Peer {
  address: string;
  transport: 'tcp' | 'tls' | 'ws' | 'wss';
}

export interface ListenerOptions {
  host: string;
  /** 0 = any free port, here and below. */
  mqttPort: number;
  httpPort: number;
  /** With a certificate MQTT is served on `mqttsPort` too, and HTTP becomes HTTPS. */
  tls: (CertificateFiles & { mqttsPort: number }) | undefined;
  /** Addresses and CIDR ranges. */
  trustedProxies: readonly string[];
  corsOrigins: readonly string[];
  log: Logger;
  /**
   * Takes a connection. Nothing has been read from it, and nobody else listens to it, for errors either. What came
   * along with a PROXY header is given to `stream.push` right afterwards.
   */
  accept(stream: Duplex, peer: Peer): void;
  http: HttpOptions;
}

export interface Listeners {
  /** The ports that are open. */
  readonly mqttPort: number;
  readonly mqttsPort: number | undefined;
  readonly httpPort: number;
  /** No new MQTT connections and control calls; health, readiness and metrics are still told. */
  stopAccepting(): void;
  /** Closes every port and every HTTP request; accepted MQTT connections are the engine's to end. */
  close(): Promise<void>;
  /** Reads the certificate files again. One that cannot be used is logged, and the old one stays. */
  reloadCertificate(): Promise<void>;
}

/**
 * Opens every door: MQTT over TCP, TLS and WebSocket, and HTTP.
 * @throws ListenError with one line that says what to set; then no door is open
 */
export async function openListeners(options: ListenerOptions): Promise<Listeners> {
  const { host, log } = options;
  const certificate = options.tls && (await readCertificate(options.tls));
  const proxies = new Proxies(options.trustedProxies);
  const origins = new Origins(options.corsOrigins);
  const behind = new BehindProxies(proxies, log);
  let accepting = true;

  const mqtt = openMqtt(options, behind);
  const mqtts = certificate && openMqtts(options, behind, certificate);
  const addressOf = (request: IncomingMessage): string | undefined => {
    const address = behind.addressOf(request.socket);
    return address && forwardedAddress(address, request.headers['x-forwarded-for'] as string | undefined, proxies);
  };
  const app = await openHttp(options.http, {
    origins,
    log,
    accepting: () => accepting,
    addressOf: (request) => addressOf(request) ?? '',
    serve: (handler) => makeHttpServer(handler, certificate),
  });
  const http = app.server;
  serveWebSocket(http, {
    addressOf,
    originAllowed: (origin, request) => origins.mayConnect(origin, request.headers),
    accepting: () => accepting,
    accept: (stream, address) => options.accept(stream, { address, transport: certificate ? 'wss' : 'ws' }),
  });
  behind.guard(http);

  const servers = [mqtt, mqtts, http].filter((server) => server !== undefined);
  const close = async (): Promise<void> => {
    accepting = false;
    for (const server of servers) if (server.listening) server.close();
    behind.close();
    http.closeAllConnections();
    await app.close();
  };

  let mqttPort: number;
  let mqttsPort: number | undefined;
  let httpPort: number;
  try {
    mqttPort = await listen(mqtt, host, options.mqttPort, 'GODWIT_MQTT_PORT');
    mqttsPort = mqtts && (await listen(mqtts, host, options.tls!.mqttsPort, 'GODWIT_MQTTS_PORT'));
    httpPort = await listen(http, host, options.httpPort, 'GODWIT_HTTP_PORT');
  } catch (error) {
    await close();
    throw error;
  }
  for (const server of servers) server.on('error', (error: Error) => log.error({ err: error }, 'listener failed'));

  return {
    mqttPort,
    mqttsPort,
    httpPort,
    close,
    stopAccepting() {
      accepting = false;
      for (const server of [mqtt, mqtts]) if (server?.listening) server.close();
    },
    async reloadCertificate() {
      if (!options.tls) return;
      try {
        const fresh = await readCertificate(options.tls);
        for (const server of [mqtts, http as Server]) (server as TlsServer).setSecureContext(fresh);
        log.info('certificate read again');
      } catch (error) {
        log.error({ err: error }, 'the certificate was not changed');
      }
    },
  };
}

function openMqtt({ accept }: ListenerOptions, behind: BehindProxies): Server {
  return createServer({ noDelay: true, highWaterMark: READ_AHEAD_BYTES }, (socket) => {
    behind.take(socket, (source, rest) => {
      const address = source ?? socket.remoteAddress;
      if (address === undefined) {
        socket.destroy();
        return;
      }
      accept(socket, { address: plainAddress(address), transport: 'tcp' });
      if (rest.length > 0 && !socket.destroyed) socket.push(rest);
    });
  });
}

function openMqtts({ accept, log }: ListenerOptions, behind: BehindProxies, certificate: SecureContextOptions): TlsServer {
  const server = createTlsServer({ ...certificate, noDelay: true, highWaterMark: READ_AHEAD_BYTES, handshakeTimeout: limits.connectTimeoutMs.value }, (socket) => {
    const address = behind.addressOf(socket);
    if (address === undefined) socket.destroy();
    else accept(socket, { address, transport: 'tls' });
  });
  server.on('tlsClientError', (error, socket: Socket) => {
    log.debug({ err: error, address: socket.remoteAddress }, 'TLS handshake failed');
    // Of a handshake that takes too long Node only tells.
    socket.destroy();
  });
  behind.guard(server);
  return server;
}
