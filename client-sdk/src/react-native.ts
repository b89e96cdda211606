/**
 * The client SDK of Godwit, as React Native's bundler takes it: the slim transport on its WebSocket, and a small library
 * for the compression that its JavaScript engine lacks.
 * @module
 */
import { openClient } from './client.js';
import type { Client } from './client-interface.js';
import { deflateWith } from './compression.js';
import { fflateDeflate } from './fflate-deflate.js';
import type { ClientOptions } from './options.js';
import { webSocketTransport } from './websocket-transport.js';

export * from './api.js';

/**
 * Opens a client on its store (`keyValueStore(AsyncStorage)`); its transport is a WebSocket where `transport` names no
 * other. It does not connect yet: attach your listeners, then call `connect`. When this rejects, the store is still the
 * caller's to close.
 * @throws GodwitError MALFORMED for a bad option, CONFLICT when the store belongs to another user or device; what the
 * store or the token function throws.
 */
export function createClient(options: ClientOptions): Promise<Client> {
  deflateWith(fflateDeflate);
  return openClient(options, webSocketTransport);
}
