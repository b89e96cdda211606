import type { JsonValue } from '@bufbuild/protobuf';
import { fromJson, GroupChangeSchema, toJson } from 'godwit-schemas';
import type { Binary, Collection, Db } from 'mongodb';
import type { DeviceRecord, UserRecord } from '../../broker/ports/directory.js';
import type { GroupIntent, GroupMemberRecord, GroupRecord } from '../../broker/ports/groups.js';

/** What lies in the collections. What users name is always a value, never the name of a field. */
export type UserDocument = Omit<UserRecord, 'user'> & { _id: string };
export type DeviceDocument = Omit<DeviceRecord, 'filters'> & { filters: [string, 0 | 1][] };
export type GroupDocument = Omit<GroupRecord, 'group' | 'members' | 'intent'> & {
  _id: string;
  /** In the order of their joining. */
  members: ({ user: string } & GroupMemberRecord)[];
  intent?: Omit<GroupIntent, 'change'> & { change: JsonValue };
};
/** When a device was revoked. */
export interface RevocationDocument {
  user: string;
  device: string;
  atMs: number;
}
/** A message of the archive. */
export interface MessageDocument {
  conversation: string;
  seq: number;
  message: Binary;
  /** Where in it the server's stamp begins. */
  stamp: number;
  aux?: Binary;
  /** Unix milliseconds; left out: never. */
  expiresAtMs?: number;
}
/** How far `godwit migrate` came. */
export interface MigrationDocument {
  _id: 'embedded';
  /** The data folder. */
  from: string;
  startedAtMs: number;
  finishedAtMs?: number;
}

export const users = (db: Db): Collection<UserDocument> => db.collection('users');
export const devices = (db: Db): Collection<DeviceDocument> => db.collection('devices');
export const revocations = (db: Db): Collection<RevocationDocument> => db.collection('revocations');
/** Users who are being removed. */
export const removals = (db: Db): Collection<{ _id: string }> => db.collection('removals');
export const groups = (db: Db): Collection<GroupDocument> => db.collection('groups');
export const messages = (db: Db): Collection<MessageDocument> => db.collection('messages');
export const migrations = (db: Db): Collection<MigrationDocument> => db.collection('migrations');

/** Made at every start; those that are there stay as they are. */
export async function makeIndexes(db: Db): Promise<void> {
  await devices(db).createIndex({ user: 1, device: 1 }, { unique: true });
  await revocations(db).createIndex({ user: 1, device: 1 }, { unique: true });
  await groups(db).createIndex({ 'members.user': 1, _id: 1 });
  await groups(db).createIndex({ 'intent.atMs': 1 }, { sparse: true });
  await messages(db).createIndex({ conversation: 1, seq: 1 }, { unique: true });
  await messages(db).createIndex({ expiresAtMs: 1 }, { sparse: true });
}

export function toUser({ user, ...rest }: UserRecord): UserDocument {
  return { _id: user, ...rest };
}

export function fromUser({ _id, ...rest }: UserDocument): UserRecord {
  return { user: _id, ...rest };
}

export function toDevice({ filters, ...rest }: DeviceRecord): DeviceDocument {
  return { ...rest, filters: [...filters] };
}

export function fromDevice({ _id, filters, ...rest }: DeviceDocument & { _id: unknown }): DeviceRecord {
  return { ...rest, filters: new Map(filters) };
}

export function toGroup({ group, members, intent, ...rest }: GroupRecord): GroupDocument {
  return {
    _id: group,
    ...rest,
    members: [...members].map(([user, member]) => ({ user, ...member })),
    ...(intent && { intent: { ...intent, change: toJson(GroupChangeSchema, intent.change) } }),
  };
}

export function fromGroup({ _id, members, intent, ...rest }: GroupDocument): GroupRecord {
  return {
    group: _id,
    ...rest,
    members: new Map(members.map(({ user, ...member }) => [user, member])),
    intent: intent && { ...intent, change: fromJson(GroupChangeSchema, intent.change) },
  };
}
