import type { ReportRecord, Reports } from '../../broker/ports/reports.js';
import { writeRow } from './records.js';
import type { Store } from './store.js';
import { rowName } from './table.js';
import type { Codec, Table } from './table.js';

const ALL = '';
/** Old ones that go when one comes. */
const FORGOTTEN_AT_ONCE = 10;

/** Rows (all, report) of one table, and (user, report) of another for whoever made them. */
export class EmbeddedReports implements Reports {
  private readonly records: Table<ReportRecord>;
  private readonly lists: Table<true>;

  constructor(private readonly store: Store) {
    this.records = store.table('reports', recordCodec);
    this.lists = store.table('reports of users', presentCodec);
  }

  async add(record: ReportRecord, forgetBeforeMs: number): Promise<void> {
    for (const old of this.list('', FORGOTTEN_AT_ONCE)) if (old.atMs < forgetBeforeMs) this.drop(old);
    this.write(this.records, ALL, record.report, record);
    this.write(this.lists, record.by, record.report, true);
    await this.store.commit();
  }

  list(after: string, limit: number): readonly ReportRecord[] {
    return this.records.page(ALL, after, limit).map(([, record]) => record);
  }

  by(user: string, after: string, limit: number): readonly ReportRecord[] {
    return this.lists.page(user, after, limit).map(([report]) => this.records.get(ALL, report)!);
  }

  async remove(report: string): Promise<boolean> {
    const record = this.records.get(ALL, report);
    if (record) this.drop(record);
    await this.store.commit();
    return record !== undefined;
  }

  private drop({ by, report }: ReportRecord): void {
    this.write(this.records, ALL, report, undefined);
    this.write(this.lists, by, report, undefined);
  }

  private write<T>(table: Table<T>, group: string, item: string, value: T | undefined): void {
    table.put(group, item, value);
    writeRow(this.store.room, table.id, rowName(group, item), value === undefined ? undefined : table.codec.encode(value));
    this.store.fill.soon();
  }
}

const presentCodec: Codec<true> = { encode: () => Buffer.from([1]), decode: () => true };

const recordCodec: Codec<ReportRecord> = {
  encode: (record) => Buffer.from(JSON.stringify(record)),
  decode: (bytes) => JSON.parse(bytes.toString()) as ReportRecord,
};
