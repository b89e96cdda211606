import { OPEN, type PrivacyRecord, type Relation, type Relations } from '../../broker/ports/relations.js';
import { writeRow } from './records.js';
import type { Store } from './store.js';
import { rowName } from './table.js';
import type { Codec, Table } from './table.js';

const ALL = '';
const RELATIONS: readonly Relation[] = ['contact', 'block'];
/** Users whose privacy is remembered: it is asked for with every receipt. */
const REMEMBERED = 100_000;

/** Rows (user 0 relation, other), each with a mirror (other 0 relation, user) in a second table: who is removed is found everywhere. Privacy is a row (all, user) of a third. */
export class EmbeddedRelations implements Relations {
  private readonly rows: Table<true>;
  private readonly mirrors: Table<true>;
  private readonly privacies: Table<PrivacyRecord>;
  private readonly remembered = new Map<string, PrivacyRecord>();

  constructor(private readonly store: Store) {
    this.rows = store.table('relations', presentCodec);
    this.mirrors = store.table('related to', presentCodec);
    this.privacies = store.table('privacy', privacyCodec);
  }

  async add(user: string, relation: Relation, others: readonly string[], most: number): Promise<readonly string[] | undefined> {
    const known = this.rows.all(group(user, relation));
    const added = [...new Set(others)].filter((other) => !known.has(other));
    if (known.size + added.length > most) return undefined;
    for (const other of added) this.set(user, relation, other, true);
    await this.store.commit();
    return added;
  }

  async remove(user: string, relation: Relation, others: readonly string[]): Promise<readonly string[]> {
    const removed = [...new Set(others)].filter((other) => this.has(user, relation, other));
    for (const other of removed) this.set(user, relation, other, undefined);
    await this.store.commit();
    return removed;
  }

  has(user: string, relation: Relation, other: string): boolean {
    return this.rows.get(group(user, relation), other) !== undefined;
  }

  list(user: string, relation: Relation, after: string, limit: number): readonly string[] {
    return this.rows.page(group(user, relation), after, limit).map(([other]) => other);
  }

  privacy(user: string): PrivacyRecord {
    let record = this.remembered.get(user);
    if (record) return record;
    record = this.privacies.get(ALL, user) ?? OPEN;
    this.remembered.set(user, record);
    if (this.remembered.size > REMEMBERED) this.remembered.delete(this.remembered.keys().next().value!);
    return record;
  }

  async setPrivacy(user: string, changes: Partial<PrivacyRecord>): Promise<PrivacyRecord> {
    const record = { ...this.privacy(user), ...changes };
    this.remembered.delete(user);
    this.write(this.privacies, ALL, user, record);
    await this.store.commit();
    return record;
  }

  async removeUser(user: string): Promise<void> {
    for (const relation of RELATIONS) {
      for (const other of this.rows.all(group(user, relation)).keys()) this.set(user, relation, other, undefined);
      for (const other of this.mirrors.all(group(user, relation)).keys()) this.set(other, relation, user, undefined);
    }
    this.remembered.delete(user);
    this.write(this.privacies, ALL, user, undefined);
    await this.store.commit();
  }

  private set(user: string, relation: Relation, other: string, value: true | undefined): void {
    this.write(this.rows, group(user, relation), other, value);
    this.write(this.mirrors, group(other, relation), user, value);
  }

  private write<T>(table: Table<T>, rows: string, item: string, value: T | undefined): void {
    table.put(rows, item, value);
    writeRow(this.store.room, table.id, rowName(rows, item), value === undefined ? undefined : table.codec.encode(value));
    this.store.fill.soon();
  }
}

function group(user: string, relation: Relation): string {
  return `${user}\0${relation}`;
}

const presentCodec: Codec<true> = { encode: () => Buffer.from([1]), decode: () => true };

const privacyCodec: Codec<PrivacyRecord> = {
  encode: (record) => Buffer.from(JSON.stringify(record)),
  decode: (bytes) => ({ ...OPEN, ...(JSON.parse(bytes.toString()) as PrivacyRecord) }),
};
