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

/** Users and their devices, and which devices were revoked. Everything is durable when its promise resolves. */
export interface Directory {
  user(user: string): MaybePromise<UserRecord | undefined>;
  /** True if the user is new. */
  addUser(user: string, nowMs: number): Promise<boolean>;
  /** Removes the user, their devices and revocations; what they wrote stays in others' conversations. False: no such user. */
  removeUser(user: string): Promise<boolean>;
  /** Whether what is kept of the user elsewhere is being removed: a start goes on with it. */
  markRemoval(user: string, isPending: boolean): Promise<void>;
  /** Users who are being removed. */
  removals(): MaybePromise<readonly string[]>;
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

  /** What was issued up to `atMs` opens this device no more, whether there is one or not. An earlier time does not take the place of a later one. */
  revokeDevice(user: string, device: string, atMs: number): Promise<void>;
  /** Unix milliseconds; 0 = never. Asked at every CONNECT. */
  revokedAt(user: string, device: string): MaybePromise<number>;
  /** Revocations of a user that are kept: when, by device. */
  revocationsOf(user: string): MaybePromise<ReadonlyMap<string, number>>;
  /** Forgets the user's revocations from before. */
  forgetRevocations(user: string, beforeMs: number): Promise<void>;
}
