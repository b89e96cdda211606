import type { GroupRecord, Groups } from '../../broker/ports/groups.js';
import { fromGroup, groups, toGroup } from './documents.js';
import { isDuplicate, type Link } from './link.js';

/** A group is one document: every change replaces the one of the revision before it, or none. */
export class MongoGroups implements Groups {
  constructor(private readonly link: Link) {}

  get(group: string): Promise<GroupRecord | undefined> {
    return this.link.run(async (db) => {
      const found = await groups(db).findOne({ _id: group });
      return found ? fromGroup(found) : undefined;
    });
  }

  put(record: GroupRecord): Promise<boolean> {
    return this.link.run(async (db) => {
      const document = toGroup(record);
      if (record.revision > 1) return (await groups(db).replaceOne({ _id: record.group, revision: record.revision - 1 }, document)).matchedCount > 0;
      try {
        await groups(db).insertOne(document);
        return true;
      } catch (error) {
        if (isDuplicate(error)) return false;
        throw error;
      }
    });
  }

  async done(group: string, revision: number): Promise<void> {
    await this.link.run((db) => groups(db).updateOne({ _id: group, revision }, { $unset: { intent: true } }));
  }

  all(after: string, limit: number): Promise<readonly GroupRecord[]> {
    return this.link.run(async (db) => (await groups(db).find({ _id: { $gt: after } }).sort({ _id: 1 }).limit(limit).toArray()).map(fromGroup));
  }

  ofUser(user: string, after: string, limit: number): Promise<readonly string[]> {
    return this.link.run(async (db) => idsOf(await groups(db).find({ 'members.user': user, _id: { $gt: after } }).project<{ _id: string }>({ _id: 1 }).sort({ _id: 1 }).limit(limit).toArray()));
  }

  countOf(user: string): Promise<number> {
    return this.link.run((db) => groups(db).countDocuments({ 'members.user': user }));
  }

  unfinished(): Promise<readonly string[]> {
    return this.link.run(async (db) => idsOf(await groups(db).find({ 'intent.atMs': { $exists: true } }).project<{ _id: string }>({ _id: 1 }).sort({ 'intent.atMs': 1 }).toArray()));
  }
}

function idsOf(found: readonly { _id: string }[]): string[] {
  return found.map(({ _id }) => _id);
}
