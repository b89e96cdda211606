/**
 * The client SDK of Godwit, as bundlers for browsers and React Native take it: the same as in Node, on a slim transport
 * of its own instead of mqtt.js (which is in `godwit-client/mqtt` for apps that have it anyway).
 * @module
 */
import { openClient, type Client } from './client.js';
import { platformNetwork } from './network.js';
import type { ClientOptions } from './options.js';
import { webSocketTransport } from './websocket-transport.js';

export * from './api.js';

/**
 * Opens a client on its store; its transport is a WebSocket where `transport` names no other, and it heeds what the
 * platform says of the network where `network` does not. It does not connect yet: attach your listeners, then call
 * `connect`. When this rejects, the store is still the caller's to close.
 * @throws GodwitError MALFORMED for a bad option, CONFLICT when the store belongs to another user or device; what the
 * store or the token function throws.
 */
export function createClient(options: ClientOptions): Promise<Client> {
  return openClient({ ...options, network: options.network ?? platformNetwork() }, webSocketTransport);
}
