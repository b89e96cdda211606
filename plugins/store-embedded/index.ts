/**
 * All ports from one folder on disk, for one process: a journal of our own that makes things durable, and LMDB filled
 * behind it.
 * @module
 */
export { restoreBackup } from './backup.js';
export { storeLimits } from './limits.js';
export type { StoreLimits } from './limits.js';
export { openEmbeddedStorage } from './open.js';
export type { EmbeddedStorage, EmbeddedStorageOptions } from './open.js';
