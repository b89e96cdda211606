import { limits, type AdminReportsListResponseSchema, type MessageInitShape, type RequestOf } from 'godwit-schemas';
import type { PluginContext } from '../../broker/ports/plugin.js';

export async function listReports({ storage }: PluginContext, { after, limit }: RequestOf<'admin.reports.list'>): Promise<MessageInitShape<typeof AdminReportsListResponseSchema>> {
  const page = Math.min(limit || limits.reportsPage.value, limits.reportsPage.value);
  const records = await storage.reports.list(after, page + 1);
  return {
    reports: records.slice(0, page).map(({ atMs, seq, ...rest }) => ({ ...rest, atMs: BigInt(atMs), seq: BigInt(seq) })),
    more: records.length > page,
  };
}

export async function removeReport({ storage }: PluginContext, { report }: RequestOf<'admin.reports.remove'>): Promise<{ removed: boolean }> {
  return { removed: await storage.reports.remove(report) };
}
