import type { Client as Device } from './client.js';

/**
 * A device of a user: sends, receives, and keeps both in its store. One of its own (`createClient`), or a tab's view of
 * the one that all tabs share (`createSharedClient`).
 */
export interface Client extends Omit<Device, 'connectionChanged'> {}
