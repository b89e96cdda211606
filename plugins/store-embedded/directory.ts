import type { DeviceRecord, Directory, UserRecord } from '../../broker/ports/directory.js';
import { writeRow } from './records.js';
import type { Store } from './store.js';
import { rowName } from './table.js';
import type { Codec, Table } from './table.js';

/** All users in one group, so that they can be paged through in order. */
const ALL = '';

/** Users and devices are rows of two tables: (all, user) and (user, device); revocations of a third, (user, device); who is being removed of a fourth, (all, user). Every change goes through the journal. */
export class EmbeddedDirectory implements Directory {
  private readonly userRows: Table<UserRecord>;
  private readonly deviceRows: Table<DeviceRecord>;
  private revocationRows!: Table<number>;
  private removalRows!: Table<number>;

  constructor(private readonly store: Store) {
    this.userRows = store.table('users', userCodec);
    this.deviceRows = store.table('devices', deviceCodec);
  }

  /** To be called once, when the tables before these are there. */
  addLaterTables(): void {
    this.revocationRows = this.store.table('revocations', timeCodec);
    this.removalRows = this.store.table('removals', timeCodec);
  }

  user(user: string): UserRecord | undefined {
    return this.userRows.get(ALL, user);
  }

  async addUser(user: string, nowMs: number): Promise<boolean> {
    const isNew = !this.user(user);
    if (isNew) this.put(this.userRows, ALL, user, { user, createdAtMs: nowMs });
    await this.store.commit();
    return isNew;
  }

  async removeUser(user: string): Promise<boolean> {
    if (!this.user(user)) return false;
    for (const device of this.deviceRows.all(user).keys()) this.put(this.deviceRows, user, device, undefined);
    for (const device of this.revocationRows.all(user).keys()) this.put(this.revocationRows, user, device, undefined);
    this.put(this.userRows, ALL, user, undefined);
    await this.store.commit();
    return true;
  }

  async markRemoval(user: string, isPending: boolean): Promise<void> {
    this.put(this.removalRows, ALL, user, isPending ? this.store.now() : undefined);
    await this.store.commit();
  }

  removals(): readonly string[] {
    return [...this.removalRows.all(ALL).keys()];
  }

  users(after: string, limit: number): readonly UserRecord[] {
    return this.userRows.page(ALL, after, limit).map(([, record]) => record);
  }

  device(user: string, device: string): DeviceRecord | undefined {
    return this.deviceRows.get(user, device);
  }

  devicesOf(user: string): readonly DeviceRecord[] {
    return [...this.deviceRows.all(user).values()];
  }

  async putDevice(record: DeviceRecord): Promise<void> {
    this.put(this.deviceRows, record.user, record.device, { ...record, filters: new Map(record.filters) });
    await this.store.commit();
  }

  async reservePacketIds(user: string, device: string, packetIds: number): Promise<void> {
    const record = this.device(user, device);
    if (record && record.packetIds < packetIds) this.put(this.deviceRows, user, device, { ...record, packetIds });
    await this.store.commit();
  }

  async seenDevice(user: string, device: string, lastSeenMs: number): Promise<void> {
    const record = this.device(user, device);
    if (record && record.lastSeenMs < lastSeenMs) this.put(this.deviceRows, user, device, { ...record, lastSeenMs });
    await this.store.commit();
  }

  async changeFilters(user: string, device: string, add: ReadonlyMap<string, 0 | 1>, remove: readonly string[]): Promise<void> {
    const record = this.device(user, device);
    if (record) {
      const filters = new Map(record.filters);
      for (const filter of remove) filters.delete(filter);
      for (const [filter, qos] of add) filters.set(filter, qos);
      this.put(this.deviceRows, user, device, { ...record, filters });
    }
    await this.store.commit();
  }

  async removeDevice(user: string, device: string): Promise<boolean> {
    const known = this.device(user, device) !== undefined;
    if (known) this.put(this.deviceRows, user, device, undefined);
    await this.store.commit();
    return known;
  }

  async revokeDevice(user: string, device: string, atMs: number): Promise<void> {
    if (atMs > this.revokedAt(user, device)) this.put(this.revocationRows, user, device, atMs);
    await this.store.commit();
  }

  revokedAt(user: string, device: string): number {
    return this.revocationRows.get(user, device) ?? 0;
  }

  revocationsOf(user: string): ReadonlyMap<string, number> {
    return this.revocationRows.all(user);
  }

  async forgetRevocations(user: string, beforeMs: number): Promise<void> {
    for (const [device, atMs] of this.revocationRows.all(user)) if (atMs < beforeMs) this.put(this.revocationRows, user, device, undefined);
    await this.store.commit();
  }

  /** Records are never changed, only replaced: what a caller holds stays as it was. */
  private put<T>(table: Table<T>, group: string, item: string, value: T | undefined): void {
    table.put(group, item, value);
    writeRow(this.store.room, table.id, rowName(group, item), value === undefined ? undefined : table.codec.encode(value));
    this.store.fill.soon();
  }
}

/** Directory rows change seldom: JSON, which `doctor` and a person can read. */
const userCodec: Codec<UserRecord> = {
  encode: (record) => Buffer.from(JSON.stringify(record)),
  decode: (bytes) => JSON.parse(bytes.toString()) as UserRecord,
};

const timeCodec: Codec<number> = { encode: (atMs) => Buffer.from(String(atMs)), decode: (bytes) => Number(bytes.toString()) };

const deviceCodec: Codec<DeviceRecord> = {
  encode: (record) => Buffer.from(JSON.stringify({ ...record, filters: [...record.filters] })),
  decode: (bytes) => {
    const record = JSON.parse(bytes.toString());
    return { ...record, filters: new Map(record.filters) };
  },
};
