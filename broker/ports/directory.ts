import type { MaybePromise } from './conversation-log.js';

export interface UserRecord {
  user: string;
  createdAtMs: number;
}

export interface DeviceRecord {
  user: string;
  device: string;
  firstSeenMs: number;
  lastSeenMs: number;
  /** The persistent session's subscriptions: filter → granted QoS. */
  filters: ReadonlyMap<string, 0 | 1>;
  /** Packet ids below this (counted without the wrap at 65,535) may have been used by an earlier run of the server. */
  packetIds: number;
}

/** Users and their devices. Everything is durable when its promise resolves. */
export interface Directory {
  user(user: string): MaybePromise<UserRecord | undefined>;
  /** True if the user is new. */
  addUser(user: string, nowMs: number): Promise<boolean>;
  /** Removes the user and their devices; what they wrote stays in others' conversations. False: no such user. */
  removeUser(user: string): Promise<boolean>;
  /** Users after `after` in byte order, at most `limit`. */
  users(after: string, limit: number): MaybePromise<readonly UserRecord[]>;

  device(user: string, device: string): MaybePromise<DeviceRecord | undefined>;
  devicesOf(user: string): MaybePromise<readonly DeviceRecord[]>;
  putDevice(record: DeviceRecord): Promise<void>;
  /** Reserves packet ids up to `packetIds` for the device; durable when resolved. */
  reservePacketIds(user: string, device: string, packetIds: number): Promise<void>;
  /** Raises the time at which the device was last seen. Nothing happens where there is no such device. */
  seenDevice(user: string, device: string, lastSeenMs: number): Promise<void>;
  /** Changes the device's filters in one step: adds and removes. */
  changeFilters(user: string, device: string, add: ReadonlyMap<string, 0 | 1>, remove: readonly string[]): Promise<void>;
  removeDevice(user: string, device: string): Promise<boolean>;
}
