import type { JsonValue } from '@bufbuild/protobuf';
import { fromJson, GroupChangeSchema, toJson } from 'godwit-schemas';
import { MongoServerError, type Binary, type Collection, type Db } from 'mongodb';
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

interface Index {
  readonly collection: string;
  /** In the order of its fields, all ascending. */
  readonly fields: readonly string[];
  readonly unique?: true;
  readonly sparse?: true;
}

const INDEXES: readonly Index[] = [
  { collection: 'devices', fields: ['user', 'device'], unique: true },
  { collection: 'revocations', fields: ['user', 'device'], unique: true },
  { collection: 'groups', fields: ['members.user', '_id'] },
  { collection: 'groups', fields: ['intent.atMs'], sparse: true },
  { collection: 'messages', fields: ['conversation', 'seq'], unique: true },
  { collection: 'messages', fields: ['expiresAtMs'], sparse: true },
];

/** Made at every start; those that are there stay as they are. */
export async function makeIndexes(db: Db): Promise<void> {
  for (const { collection, fields, ...options } of INDEXES) await db.collection(collection).createIndex(Object.fromEntries(fields.map((field) => [field, 1])), options);
}

/** Those that are not there, or are otherwise than they are made: `devices(user, device)`. */
export async function missingIndexes(db: Db): Promise<string[]> {
  const missing: string[] = [];
  for (const { collection, fields, unique = false, sparse = false } of INDEXES) {
    const there = await db.collection(collection).indexes().catch((error) => (isUnknownCollection(error) ? [] : Promise.reject(error)));
    const found = there.some((index) => Object.keys(index.key).join() === fields.join() && (index.unique ?? false) === unique && (index.sparse ?? false) === sparse);
    if (!found) missing.push(`${collection}(${fields.join(', ')})`);
  }
  return missing;
}

function isUnknownCollection(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === 26;
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
