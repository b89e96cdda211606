/**
 * What every entry of the package exports: everything but `createClient`, which differs in its default transport.
 * @module
 */
export type { Client } from './client-interface.js';
export type { CallOptions, CallRequest } from './calls.js';
export { plainCipher, type Cipher, type OpenContext, type SealContext, type SealedBody } from './cipher.js';
export type { ContactContent, Content, CustomContent, LocationContent, MediaContent, Mention, Reference, SendContent, TextContent } from './content.js';
export type { Listener } from './emitter.js';
export type * from './events.js';
export type { PageOptions } from './history.js';
export { indexedDbStore } from './indexeddb-store.js';
export type { KeyValueStorage } from './key-value-storage.js';
export { keyValueStore, type KeyValueStoreOptions } from './key-value-store.js';
export type { Live } from './live.js';
export { liveConversations, type ConversationList, type LiveConversationsOptions } from './live-conversations.js';
export { liveMessages, type LiveMessages, type LiveMessagesOptions, type MessageList } from './live-messages.js';
export { memoryStore } from './memory-store.js';
export { platformNetwork, type NetworkHints } from './network.js';
export { defaultTiming, type ClientOptions, type Debug, type DebugEntry, type MessageRef, type SendOptions, type Timing, type TokenSource } from './options.js';
export type { Sent } from './sent.js';
export type { Change, KeyRange, Store } from './store.js';
export type { Shown } from './stored-message.js';
export { webSocketTransport, type WebSocketTransportOptions } from './websocket-transport.js';
export type { CloseReason, Connection, ConnectionHandlers, ConnectOptions, Packet, Transport } from './transport.js';
export { Audience, Code, codeName, GodwitError, GroupChangeKind, GroupPermission, GroupRole, isRetry, Reason, State, type MethodName, type RequestOf, type ResponseOf } from 'godwit-schemas';
