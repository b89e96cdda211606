/**
 * The client SDK of Godwit, as bundlers for browsers and React Native take it: the same as in Node, on a slim transport
 * of its own instead of mqtt.js (which is in `godwit-client/mqtt` for apps that have it anyway).
 * @module
 */
import { openClient } from './client.js';
import type { Client } from './client-interface.js';
import { platformNetwork } from './network.js';
import type { ClientOptions } from './options.js';
import { openSharedClient, type SharedClientOptions } from './tabs/shared-client.js';
import { webSocketTransport } from './websocket-transport.js';

export * from './api.js';
export type { SharedClientOptions } from './tabs/shared-client.js';
export type { TabChannel, TabLocks, TabPlatform } from './tabs/platform.js';

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

/**
 * Opens a client that all tabs of this origin share by its name: one connection, one store, one device. One tab leads
 * and has both; when it is closed or crashes, another takes over, and nothing is lost or doubled. What is said of
 * `Client` holds in every tab, and besides:
 *
 * - Events come to every tab. A message counts as dealt with when the listeners of one tab are done with it. What no
 *   tab has dealt with comes again, marked `again`, to the tabs that have not shown it; a `changed` event to all.
 * - `send` gives a message to the leader, which keeps it: `until('queued')` says when. If the leader ends before it
 *   says so, the next one is asked: the message is kept once. `close` waits for that.
 * - Everything else that waits for the leader rejects with UNAVAILABLE after `silenceMs` without a sign of life, as
 *   when a phone has frozen its tab. It may be done later all the same.
 * - The functions for the token and the store are called in the tab that leads. The device is ONLINE while one tab is,
 *   and in background while all tabs are; the connection is closed there when all of them asked for that.
 * - `close` closes this tab's view, the connection only with the last tab.
 *
 * Where the browser has no Web Locks (a page without a secure context), each tab is a device of its own, with a store
 * in memory.
 * @throws GodwitError as `createClient`; UNAVAILABLE when another tab leads and is silent; what `open` throws.
 */
export function createSharedClient(options: SharedClientOptions): Promise<Client> {
  return openSharedClient({ ...options, network: options.network ?? platformNetwork() }, webSocketTransport);
}
