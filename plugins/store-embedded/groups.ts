import { fromJson, GroupChangeSchema, toJson } from 'godwit-schemas';
import type { GroupIntent, GroupRecord, Groups } from '../../broker/ports/groups.js';
import { writeRow } from './records.js';
import type { Store } from './store.js';
import { rowName } from './table.js';
import type { Codec, Table } from './table.js';

const ALL = '';

/** Groups are rows of three tables: (all, group); (user, group) for whoever is in it; (all, group) for what is not carried out. */
export class EmbeddedGroups implements Groups {
  private readonly records: Table<GroupRecord>;
  private readonly lists: Table<true>;
  private readonly intents: Table<true>;

  constructor(private readonly store: Store) {
    this.records = store.table('groups', recordCodec);
    this.lists = store.table('groups of users', presentCodec);
    this.intents = store.table('group intents', presentCodec);
  }

  get(group: string): GroupRecord | undefined {
    return this.records.get(ALL, group);
  }

  async put(record: GroupRecord): Promise<boolean> {
    const { group, members } = record;
    const before = this.get(group);
    if ((before?.revision ?? 0) !== record.revision - 1) return false;
    this.write(this.records, ALL, group, record);
    for (const user of before?.members.keys() ?? []) if (!members.has(user)) this.write(this.lists, user, group, undefined);
    for (const user of members.keys()) if (!before?.members.has(user)) this.write(this.lists, user, group, true);
    if (record.intent) this.write(this.intents, ALL, group, true);
    await this.store.commit();
    return true;
  }

  async done(group: string, revision: number): Promise<void> {
    const record = this.get(group);
    if (record?.revision !== revision || !record.intent) return;
    this.write(this.records, ALL, group, { ...record, intent: undefined });
    this.write(this.intents, ALL, group, undefined);
    await this.store.commit();
  }

  all(after: string, limit: number): readonly GroupRecord[] {
    return this.records.page(ALL, after, limit).map(([, record]) => record);
  }

  ofUser(user: string, after: string, limit: number): readonly string[] {
    return this.lists.page(user, after, limit).map(([group]) => group);
  }

  countOf(user: string): number {
    return this.lists.all(user).size;
  }

  unfinished(): readonly string[] {
    return [...this.intents.all(ALL).keys()];
  }

  private write<T>(table: Table<T>, group: string, item: string, value: T | undefined): void {
    table.put(group, item, value);
    writeRow(this.store.room, table.id, rowName(group, item), value === undefined ? undefined : table.codec.encode(value));
    this.store.fill.soon();
  }
}

const presentCodec: Codec<true> = { encode: () => Buffer.from([1]), decode: () => true };

/** They change seldom: JSON, which a person can read. */
const recordCodec: Codec<GroupRecord> = {
  encode: ({ members, intent, ...rest }) =>
    Buffer.from(JSON.stringify({ ...rest, members: [...members], ...(intent && { intent: { ...intent, change: toJson(GroupChangeSchema, intent.change) } }) })),
  decode: (bytes) => {
    const { members, intent, ...rest } = JSON.parse(bytes.toString());
    return { ...rest, members: new Map(members), intent: intent && ({ ...intent, change: fromJson(GroupChangeSchema, intent.change) } satisfies GroupIntent) };
  },
};
