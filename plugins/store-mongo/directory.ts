import type { DeviceRecord, Directory, UserRecord } from '../../broker/ports/directory.js';
import { devices, fromDevice, fromUser, removals, revocations, toDevice, users } from './documents.js';
import { isDuplicate, type Link } from './link.js';

/** Users and devices, a document each. */
export class MongoDirectory implements Directory {
  constructor(private readonly link: Link) {}

  user(user: string): Promise<UserRecord | undefined> {
    return this.link.run(async (db) => {
      const found = await users(db).findOne({ _id: user });
      return found ? fromUser(found) : undefined;
    });
  }

  addUser(user: string, nowMs: number): Promise<boolean> {
    return this.link.run(async (db) => {
      const { upsertedCount } = await users(db).updateOne({ _id: user }, { $setOnInsert: { createdAtMs: nowMs } }, { upsert: true }).catch(whoWasSecond);
      return upsertedCount > 0;
    });
  }

  removeUser(user: string): Promise<boolean> {
    return this.link.run(async (db) => {
      // The user last: where it breaks off between, the removal can be asked for again.
      await devices(db).deleteMany({ user });
      await revocations(db).deleteMany({ user });
      return (await users(db).deleteOne({ _id: user })).deletedCount > 0;
    });
  }

  async markRemoval(user: string, isPending: boolean): Promise<void> {
    await this.link.run(async (db) => {
      if (isPending) await removals(db).replaceOne({ _id: user }, {}, { upsert: true }).catch(whoWasSecond);
      else await removals(db).deleteOne({ _id: user });
    });
  }

  removals(): Promise<readonly string[]> {
    return this.link.run(async (db) => (await removals(db).find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id));
  }

  users(after: string, limit: number): Promise<readonly UserRecord[]> {
    return this.link.run(async (db) => (await users(db).find({ _id: { $gt: after } }).sort({ _id: 1 }).limit(limit).toArray()).map(fromUser));
  }

  device(user: string, device: string): Promise<DeviceRecord | undefined> {
    return this.link.run(async (db) => {
      const found = await devices(db).findOne({ user, device });
      return found ? fromDevice(found) : undefined;
    });
  }

  devicesOf(user: string): Promise<readonly DeviceRecord[]> {
    return this.link.run(async (db) => (await devices(db).find({ user }).sort({ device: 1 }).toArray()).map(fromDevice));
  }

  async putDevice(record: DeviceRecord): Promise<void> {
    const document = toDevice(record);
    const put = (): Promise<unknown> => this.link.run((db) => devices(db).replaceOne({ user: record.user, device: record.device }, document, { upsert: true }));
    // Of two who make it at once, the second finds it at its next try.
    await put().catch((error) => (isDuplicate(error) ? put() : Promise.reject(error)));
  }

  async reservePacketIds(user: string, device: string, packetIds: number): Promise<void> {
    await this.link.run((db) => devices(db).updateOne({ user, device }, { $max: { packetIds } }));
  }

  async seenDevice(user: string, device: string, lastSeenMs: number): Promise<void> {
    await this.link.run((db) => devices(db).updateOne({ user, device }, { $max: { lastSeenMs } }));
  }

  async changeFilters(user: string, device: string, add: ReadonlyMap<string, 0 | 1>, remove: readonly string[]): Promise<void> {
    // A filter may begin with `$`, which would name a field where it is not literal.
    const gone = { $literal: [...remove, ...add.keys()] };
    const kept = { $filter: { input: '$filters', as: 'pair', cond: { $not: [{ $in: [{ $arrayElemAt: ['$$pair', 0] }, gone] }] } } };
    await this.link.run((db) => devices(db).updateOne({ user, device }, [{ $set: { filters: { $concatArrays: [kept, { $literal: [...add] }] } } }]));
  }

  removeDevice(user: string, device: string): Promise<boolean> {
    return this.link.run(async (db) => (await devices(db).deleteOne({ user, device })).deletedCount > 0);
  }

  async revokeDevice(user: string, device: string, atMs: number): Promise<void> {
    const put = (): Promise<unknown> => this.link.run((db) => revocations(db).updateOne({ user, device }, { $max: { atMs } }, { upsert: true }));
    await put().catch((error) => (isDuplicate(error) ? put() : Promise.reject(error)));
  }

  revokedAt(user: string, device: string): Promise<number> {
    return this.link.run(async (db) => (await revocations(db).findOne({ user, device }))?.atMs ?? 0);
  }

  revocationsOf(user: string): Promise<ReadonlyMap<string, number>> {
    return this.link.run(async (db) => new Map((await revocations(db).find({ user }).toArray()).map(({ device, atMs }) => [device, atMs])));
  }

  async forgetRevocations(user: string, beforeMs: number): Promise<void> {
    await this.link.run((db) => revocations(db).deleteMany({ user, atMs: { $lt: beforeMs } }));
  }
}

/** Two upserts at once may both find nothing: the one that came second is told so as an error. */
function whoWasSecond(error: unknown): { upsertedCount: number } {
  if (!isDuplicate(error)) throw error;
  return { upsertedCount: 0 };
}
