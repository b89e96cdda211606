import type { GroupRecord, Groups } from '../../broker/ports/groups.js';

export class MemoryGroups implements Groups {
  private readonly records = new Map<string, GroupRecord>();

  get(group: string): GroupRecord | undefined {
    return this.records.get(group);
  }

  async put(record: GroupRecord): Promise<boolean> {
    if ((this.records.get(record.group)?.revision ?? 0) !== record.revision - 1) return false;
    this.records.set(record.group, record);
    return true;
  }

  async done(group: string, revision: number): Promise<void> {
    const record = this.records.get(group);
    if (record?.revision === revision) this.records.set(group, { ...record, intent: undefined });
  }

  all(after: string, limit: number): readonly GroupRecord[] {
    return this.where((record) => record.group > after).slice(0, limit).map((group) => this.records.get(group)!);
  }

  ofUser(user: string, after: string, limit: number): readonly string[] {
    return this.where((record) => record.members.has(user) && record.group > after).slice(0, limit);
  }

  countOf(user: string): number {
    return this.where((record) => record.members.has(user)).length;
  }

  unfinished(): readonly string[] {
    return this.where((record) => record.intent !== undefined);
  }

  private where(fits: (record: GroupRecord) => boolean): string[] {
    return [...this.records.values()].filter(fits).map(({ group }) => group).sort();
  }
}
