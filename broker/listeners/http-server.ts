import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { limits } from 'godwit-schemas';

/** Kept longer than load balancers keep theirs (60 s is usual): else they would send a request into a closing connection. */
const KEEP_ALIVE_MS = 65_000;

/** Milliseconds that a client has. */
export interface RequestTimes {
  headersMs: number;
  requestMs: number;
}

const TIMES: RequestTimes = { headersMs: limits.httpHeadersMs.value, requestMs: limits.httpRequestMs.value };

/** An HTTP server, or an HTTPS one where there is a certificate, that waits for nobody for ever. */
export function makeHttpServer(handler: RequestListener, certificate: SecureContextOptions | undefined, { headersMs, requestMs }: RequestTimes = TIMES): Server {
  const options: ServerOptions = {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    // A late one is noticed at the next check.
    connectionsCheckingInterval: headersMs / 10,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  if (!certificate) return createServer(options, handler);
  // An https.Server has all of an http.Server's surface, but not its type.
  return createSecureServer({ ...options, ...certificate, handshakeTimeout: limits.connectTimeoutMs.value }, handler) as unknown as Server;
}
