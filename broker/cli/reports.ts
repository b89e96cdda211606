import type { Report } from 'godwit-schemas';
import { harmless } from './chat/text.js';
import { call } from './control.js';
import { CommandError } from './errors.js';
import { findServer, type Server, type ServerOptions } from './server.js';
import { table } from './table.js';
import { agoOrTime } from './times.js';

export interface ReportsOptions extends ServerOptions {
  /** Dealt with. */
  remove?: readonly string[];
}

/** Prints the reports, or removes some. @throws CommandError when one of those does not exist */
export async function reports({ remove, ...options }: ReportsOptions): Promise<void> {
  const server = findServer(options);
  const token = server.token({ user: 'admin', admin: true });
  return remove ? removeReports(server, token, remove) : listReports(server, token);
}

async function listReports(server: Server, token: string): Promise<void> {
  const rows = [['REPORT', 'TIME', 'BY', 'OF', 'MESSAGE', 'REASON']];
  const nowMs = Date.now();
  for (let after = '', more = true; more; ) {
    const page = await call(server, token, 'admin.reports.list', { after });
    rows.push(...page.reports.map((report) => row(report, nowMs)));
    more = page.more;
    after = page.reports.at(-1)?.report ?? '';
  }
  process.stdout.write(rows.length > 1 ? table(rows) : 'no reports\n');
}

async function removeReports(server: Server, token: string, names: readonly string[]): Promise<void> {
  const unknown: string[] = [];
  for (const report of names) {
    const { removed } = await call(server, token, 'admin.reports.remove', { report });
    if (removed) process.stdout.write(`${report} was removed\n`);
    else unknown.push(report);
  }
  if (unknown.length > 0) throw new CommandError(`there is no report ${unknown.join(', ')}`);
}

function row({ report, atMs, by, user, conversation, seq, reason }: Report, nowMs: number): string[] {
  return [report, agoOrTime(Number(atMs), nowMs), by, user, conversation === '' ? '' : `${conversation} ${seq}`, harmless(reason).replace(/\s+/g, ' ').trim()];
}
