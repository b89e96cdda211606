import type { Db } from 'mongodb';
import type { DeviceRecord, UserRecord } from '../../broker/ports/directory.js';
import type { GroupRecord } from '../../broker/ports/groups.js';
import { devices, groups, migrations, removals, revocations, toDevice, toGroup, toUser, users } from './documents.js';
import type { Link } from './link.js';

/** Records of each kind. */
export interface Counts {
  users: number;
  devices: number;
  groups: number;
}

/** The move of one data folder's records into an empty database. What breaks off is begun again, and ends the same. */
export class Migration {
  constructor(private readonly link: Link) {}

  /** @returns why the records of this folder cannot be moved there; undefined: go on (also where that was begun before) */
  begin(from: string, nowMs: number): Promise<string | undefined> {
    return this.link.run(async (db) => {
      const known = await migrations(db).findOne({ _id: 'embedded' });
      if (known) return known.from === from ? undefined : `${known.from} was moved there`;
      const { users, devices, groups } = await this.counts();
      if (users + devices + groups > 0) return 'it is not empty';
      await migrations(db).insertOne({ _id: 'embedded', from, startedAtMs: nowMs });
      return undefined;
    });
  }

  /** Whether it came to its end before. */
  async ended(): Promise<boolean> {
    return this.link.run(async (db) => (await migrations(db).findOne({ _id: 'embedded' }))?.finishedAtMs !== undefined);
  }

  async putUsers(records: readonly UserRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.link.run((db) => users(db).bulkWrite(records.map((record) => ({ replaceOne: { filter: { _id: record.user }, replacement: toUser(record), upsert: true } }))));
  }

  async putDevices(records: readonly DeviceRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.link.run((db) => devices(db).bulkWrite(records.map((record) => ({ replaceOne: { filter: { user: record.user, device: record.device }, replacement: toDevice(record), upsert: true } }))));
  }

  async putRevocations(user: string, devices: ReadonlyMap<string, number>): Promise<void> {
    if (devices.size === 0) return;
    await this.link.run((db) => revocations(db).bulkWrite(Array.from(devices, ([device, atMs]) => ({ replaceOne: { filter: { user, device }, replacement: { user, device, atMs }, upsert: true } }))));
  }

  async markRemoval(user: string): Promise<void> {
    await this.link.run((db) => removals(db).replaceOne({ _id: user }, {}, { upsert: true }));
  }

  async putGroups(records: readonly GroupRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.link.run((db) => groups(db).bulkWrite(records.map((record) => ({ replaceOne: { filter: { _id: record.group }, replacement: toGroup(record), upsert: true } }))));
  }

  counts(): Promise<Counts> {
    return this.link.run(async (db) => {
      const [userCount, deviceCount, groupCount] = await Promise.all([users(db).countDocuments(), devices(db).countDocuments(), groups(db).countDocuments()]);
      return { users: userCount, devices: deviceCount, groups: groupCount };
    });
  }

  async end(nowMs: number): Promise<void> {
    await this.link.run((db) => migrations(db).updateOne({ _id: 'embedded' }, { $set: { finishedAtMs: nowMs } }));
  }
}

/** A server would give out half of the records. @throws Error while a move is under way */
export async function refuseUnfinished(db: Db): Promise<void> {
  const from = await unfinishedMove(db);
  if (from !== undefined) throw new Error(`the move of ${from} has not come to its end: run \`godwit migrate\` again`);
}

/** The data folder whose move is under way, or broke off. */
export async function unfinishedMove(db: Db): Promise<string | undefined> {
  const known = await migrations(db).findOne({ _id: 'embedded' });
  return known?.finishedAtMs === undefined ? known?.from : undefined;
}
