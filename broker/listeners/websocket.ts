import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { limits } from 'godwit-schemas';
import { WebSocketServer } from 'ws';
import { WebSocketStream } from './websocket-stream.js';

/** MQTT-6.0.0-3 and -4: the client must offer `mqtt`, the server must choose it; 3.1 clients say `mqttv3.1`. */
const SUBPROTOCOLS = ['mqtt', 'mqttv3.1'];

const PATH = '/mqtt';

/** The close handshake; a peer that does not answer is cut off. */
const CLOSE_MS = 5_000;

export interface WebSocketDoor {
  /** undefined: the client is gone. */
  addressOf(request: IncomingMessage): string | undefined;
  /** Whether a page of this origin may connect. */
  originAllowed(origin: string, request: IncomingMessage): boolean;
  /** False: no new connections are taken. */
  accepting(): boolean;
  accept(stream: WebSocketStream, address: string): void;
}

/** Takes MQTT over WebSocket at `/mqtt` of an HTTP server. */
export function serveWebSocket(server: Server, door: WebSocketDoor): void {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // A browser's MQTT client puts everything that it publishes in one turn into one message: far more than a packet.
    maxPayload: limits.webSocketMessageBytes.value,
    ...{ closeTimeout: CLOSE_MS },
    handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const refusal = whyNot(request, door);
    if (refusal) {
      refuse(socket, ...refusal);
      return;
    }
    const address = door.addressOf(request);
    if (address === undefined) {
      socket.destroy();
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      boundFirstMessage(socket, ws);
      door.accept(new WebSocketStream(ws, socket), address);
    });
  });
}

function whyNot(request: IncomingMessage, door: WebSocketDoor): [status: number, text: string] | undefined {
  const path = request.url?.split('?', 1)[0];
  if (path !== PATH) return [404, `WebSocket is served at ${PATH}`];
  if (!door.accepting()) return [503, 'the server stops; connect again'];
  const { origin } = request.headers;
  if (origin !== undefined && !door.originAllowed(origin, request)) return [403, 'pages of this origin may not connect; see GODWIT_CORS_ORIGINS'];
  const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
  if (!offered?.some((name) => SUBPROTOCOLS.includes(name))) return [400, 'the subprotocol must be mqtt'];
  return undefined;
}

function refuse(socket: Socket, status: number, text: string): void {
  // The HTTP server has let go of the socket: nobody else would hear its errors.
  socket.on('error', () => socket.destroy());
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, 'Connection: close', 'Content-Type: text/plain', `Content-Length: ${text.length}`];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`);
  socket.once('finish', () => socket.destroy());
}

/** Until a first message is whole, nobody has looked at what this client sends: it may not fill the memory with it. */
function boundFirstMessage(socket: Socket, ws: { once(event: 'message', listener: () => void): unknown }): void {
  let bytes = 0;
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > limits.packetBytes.value) socket.destroy();
  };
  socket.on('data', count);
  ws.once('message', () => socket.removeListener('data', count));
}
