/** Godwit as a library: the server within someone's process, and what plugins are made of. */
export { createGodwit, type Godwit, type GodwitOptions } from './server.js';
export { ConfigError } from './config.js';
export { ListenError } from './listeners/index.js';
export * from './ports/plugin.js';
export type { Append, ConversationLog, Entry, LogHead } from './ports/conversation-log.js';
export type { Cursors, DeviceCursor, UserCursor } from './ports/cursors.js';
export type { DeviceRecord, Directory, UserRecord } from './ports/directory.js';
export { StorageOpenError, type Storage } from './ports/storage.js';
