import { statfsSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import type { Peer } from './peers/peer.js';
import type { Results } from './results.js';
import type { Row, Workload } from './workload.js';

const reference = 'Mosquitto';
/** TMPFS_MAGIC (statfs(2)). */
const tmpfs = 0x01021994;
/** A generator that takes more of its core than this may be what was measured. */
const saturated = 0.9;

/** When, where and what: without it the numbers say nothing. */
export function heading(peers: { peer: Peer; version: string | undefined }[], now: Date): string {
  return [
    `${now.toISOString().slice(0, 10)}, ${cpus().length} cores ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}, Node ${process.version}`,
    ...(statfsSync(tmpdir()).type === tmpfs ? [`Data folders lie in ${tmpdir()}, which is memory: nothing is durable there. Set TMPDIR to a folder on a disk.`] : []),
    ...peers.map(({ peer, version }) => `${peer.name} ${version ?? '(not installed)'}: ${peer.settings}`),
  ].join('\n');
}

export const notes = `
Every number is the median of the rounds; in brackets how many times ${reference}'s it is. Messages of 200 bytes, QoS 1.
Godwit's PUBACK is durable: the message is on the disk (fdatasync or O_DSYNC) before it is written. The others keep messages in memory only.
Godwit's clients subscribe to u/<user>/# as its SDK does, so its senders also get a result for each message, and receipts.
* The load generator took more than ${saturated} of its core: it may have been the bottleneck.`;

/** How much the machine did besides, in the throughput runs: numbers of a machine that others use as well are worth less. */
export function others(results: Results): string {
  const taken = results.runs.flatMap(({ workload, metrics }) => (workload === 'throughput' ? (metrics?.othersCpu ?? []) : [])).sort((a, b) => a - b);
  if (taken.length === 0 || Number.isNaN(taken[0])) return '';
  const [least, most] = [taken[0], taken[taken.length - 1]].map((value) => value.toFixed(2));
  return `All else on the machine took ${least} to ${most} of its ${cpus().length} cores in the throughput runs.`;
}

/** A line for each run that has no numbers. */
export function failures(workloads: Workload[], results: Results): string[] {
  const title = (name: string) => workloads.find((workload) => workload.name === name)?.title;
  return results.runs.flatMap(({ round, peer, workload, error }) => (error === undefined ? [] : [`${peer} failed in round ${round} at ${title(workload)}: ${error}`]));
}

/** A Markdown table of what was run: a line a metric, a column a peer. */
export function table(workloads: Workload[], peers: { peer: Peer; version: string | undefined }[], results: Results): string {
  const head = ['', 'unit', ...peers.map(({ peer }) => peer.name)];
  const measured = workloads.filter(({ name }) => results.runs.some((run) => run.workload === name));
  const lines = measured.flatMap((workload) => [
    [`**${workload.title}**`, '', ...peers.map(() => '')],
    ...workload.rows.map((row) => [
      row.label,
      row.unit,
      ...peers.map(({ peer, version }) => (version === undefined ? 'not installed' : cell(workload, row, peer.name, results))),
    ]),
  ]);
  return align([head, ...lines]);
}

function cell(workload: Workload, row: Row, peer: string, results: Results): string {
  const runs = results.of(workload.name, peer);
  if (runs.length === 0) return '–';
  if (runs.some((run) => run.error !== undefined)) return 'failed';
  const value = results.median(workload.name, peer, row.metric);
  if (Number.isNaN(value)) return '–';
  const number = value.toLocaleString('en', { minimumFractionDigits: row.digits, maximumFractionDigits: row.digits });
  const mark = row.metric === 'generatorCpu' && value > saturated ? ' *' : '';
  const ratio = results.ratio(workload.name, peer, row.metric, reference);
  return number + mark + (row.ratio && peer !== reference && Number.isFinite(ratio) ? ` (${ratio.toFixed(2)})` : '');
}

function align(rows: string[][]): string {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (row: string[]) => `| ${row.map((text, column) => (column < 2 ? text.padEnd(widths[column]) : text.padStart(widths[column]))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column < 2 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}
