import type { ReportRecord, Reports } from '../../broker/ports/reports.js';

export class MemoryReports implements Reports {
  private readonly records = new Map<string, ReportRecord>();

  async add(record: ReportRecord, forgetBeforeMs: number): Promise<void> {
    for (const { report, atMs } of this.records.values()) if (atMs < forgetBeforeMs) this.records.delete(report);
    this.records.set(record.report, record);
  }

  list(after: string, limit: number): readonly ReportRecord[] {
    return this.sorted((record) => record.report > after).slice(0, limit);
  }

  by(user: string, after: string, limit: number): readonly ReportRecord[] {
    return this.sorted((record) => record.by === user && record.report > after).slice(0, limit);
  }

  async remove(report: string): Promise<boolean> {
    return this.records.delete(report);
  }

  private sorted(fits: (record: ReportRecord) => boolean): ReportRecord[] {
    return [...this.records.values()].filter(fits).sort((a, b) => (a.report < b.report ? -1 : 1));
  }
}
