import type { ProfileRecord, Profiles } from '../../broker/ports/profiles.js';
import { writeRow } from './records.js';
import type { Store } from './store.js';
import { rowName } from './table.js';
import type { Codec, Table } from './table.js';

const ALL = '';

/** Profiles are rows (all, user) of one table; whose a number is, rows (all, number) of another. */
export class EmbeddedProfiles implements Profiles {
  private readonly records: Table<ProfileRecord>;
  private readonly phones: Table<string>;

  constructor(private readonly store: Store) {
    this.records = store.table('profiles', recordCodec);
    this.phones = store.table('phones', textCodec);
  }

  get(user: string): ProfileRecord | undefined {
    return this.records.get(ALL, user);
  }

  async set(user: string, changes: Partial<ProfileRecord>, atMs: number): Promise<ProfileRecord> {
    const record = this.change(user, changes, atMs);
    await this.store.commit();
    return record;
  }

  async setPhone(user: string, phone: string, provenAtMs: number, atMs: number): Promise<boolean> {
    const holder = this.ofPhone(phone);
    if (holder !== undefined && holder !== user) {
      if (this.get(holder)!.phoneAtMs > provenAtMs) return false;
      this.change(holder, { phone: '', phoneAtMs: 0 }, atMs);
    }
    const before = this.get(user)?.phone;
    if (before && before !== phone) this.write(this.phones, before, undefined);
    this.change(user, { phone, phoneAtMs: provenAtMs }, holder === user ? this.get(user)!.changedAtMs : atMs);
    this.write(this.phones, phone, user);
    await this.store.commit();
    return true;
  }

  ofPhone(phone: string): string | undefined {
    return this.phones.get(ALL, phone);
  }

  async remove(user: string): Promise<boolean> {
    const record = this.get(user);
    if (!record) return false;
    if (record.phone !== '') this.write(this.phones, record.phone, undefined);
    this.write(this.records, user, undefined);
    await this.store.commit();
    return true;
  }

  private change(user: string, changes: Partial<ProfileRecord>, atMs: number): ProfileRecord {
    const record = { user, name: '', about: '', picture: '', phone: '', phoneAtMs: 0, ...this.get(user), ...changes, changedAtMs: atMs };
    this.write(this.records, user, record);
    return record;
  }

  private write<T>(table: Table<T>, item: string, value: T | undefined): void {
    table.put(ALL, item, value);
    writeRow(this.store.room, table.id, rowName(ALL, item), value === undefined ? undefined : table.codec.encode(value));
    this.store.fill.soon();
  }
}

const textCodec: Codec<string> = { encode: (text) => Buffer.from(text), decode: (bytes) => bytes.toString() };

/** They change seldom: JSON, which a person can read. */
const recordCodec: Codec<ProfileRecord> = {
  encode: (record) => Buffer.from(JSON.stringify(record)),
  decode: (bytes) => JSON.parse(bytes.toString()) as ProfileRecord,
};
