/**
 * The client SDK of Godwit: connect, send, receive in order and once, ticks, typing, presence. This is its entry for
 * Node; bundlers for browsers and React Native take `browser`. A store on disk for Node is in `godwit-client/node`.
 * @module
 */
import { openClient } from './client.js';
import type { Client } from './client-interface.js';
import { mqttTransport } from './mqtt-transport.js';
import type { ClientOptions } from './options.js';

export * from './api.js';
export { mqttTransport, type MqttTransportOptions } from './mqtt-transport.js';

/**
 * Opens a client on its store; its transport is mqtt.js where `transport` names no other. It does not connect yet:
 * attach your listeners, then call `connect`. When this rejects, the store is still the caller's to close.
 * @throws GodwitError MALFORMED for a bad option, CONFLICT when the store belongs to another user or device; what the
 * store or the token function throws.
 */
export function createClient(options: ClientOptions): Promise<Client> {
  return openClient(options, mqttTransport);
}
