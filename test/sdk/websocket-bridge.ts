import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { Scope } from '../support/folder.js';

/** MQTT over WebSocket in front of a server that speaks it over TCP only. @returns its URL. */
export async function websocketBridge(t: Scope, port: number): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'mqtt' });
  server.on('connection', (socket) => {
    const [outer, inner] = [createWebSocketStream(socket), net.connect(port, '127.0.0.1')];
    for (const [from, to] of [[outer, inner], [inner, outer]]) {
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  });
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/mqtt`;
}
