import { Code } from 'godwit-schemas';
import type { Finding } from './checks/finding.js';
import type { Written } from './journal.js';
import type { Round } from './round.js';

/** Findings that are shown with their excerpt. */
const SHOWN = 5;
/** Lines of an excerpt, and places of the conversation around it. */
const LINES = 40;
const AROUND = 2;

/** The summary of a round; where something is wrong, what, and the smallest piece of the history that shows it. */
export function describeRound({ plan, verdict, faults, failures, history, log, serverOutput }: Round): string {
  const { messages, deliveries, resends, gaps, refusals, receipts, again, folds, counts, findings } = verdict;
  const lines = [
    `seed ${plan.seed}: ${plan.devices.length} devices of ${new Set(plan.devices.map(({ user }) => user)).size} users, ${plan.seconds} s${plan.messagesPerMinute > 0 ? `, ${plan.messagesPerMinute} messages a minute` : ''}${plan.retention === 'delivered' ? ', kept until delivered' : ''}`,
    `  ${messages} messages accepted, ${deliveries} deliveries (${resends} of them resends), ${gaps} gaps, ${receipts} receipts, ${refusals} refusals`,
    `  SDK: ${verdict.shown} messages shown (${again} of them once more), ${folds} edits, reactions and deletions`,
    `  groups: ${verdict.changes} changes, ${verdict.inGroups} messages, ${verdict.rejected} refused of people who were not in them`,
    `  faults: ${[...faults].map(([kind, count]) => `${kind} ${count}`).join(', ') || 'none'}`,
    `  ${Object.entries(counts).map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
  ];
  for (const failure of failures) lines.push(`  FAILED: ${failure}`);
  // One of every kind first: a loss says more than the hundred ticks that miss because of it.
  const byKind = new Map(findings.map((finding) => [finding.kind, finding]));
  const shown = [...new Set([...byKind.values(), ...findings])].slice(0, SHOWN);
  for (const finding of shown) lines.push('', `${finding.kind.toUpperCase()}: ${finding.text}`, ...excerpt({ history, log }, finding));
  if (findings.length > shown.length) lines.push('', `and ${findings.length - shown.length} more`);
  if (failures.length > 0) lines.push('', 'the last of what the server printed:', ...serverOutput.split('\n').slice(-LINES));
  return lines.join('\n');
}

/** The conversation's history around a finding: what every device wrote down of these places, and what went wrong then. */
export function excerpt({ history, log }: Pick<Round, 'history' | 'log'>, { conversation, seq, token, clientId }: Finding): string[] {
  const lines: { at: number; text: string }[] = [];
  const tokens = new Set<string>(token === undefined ? [] : [token]);
  if (seq !== undefined) {
    for (const { entries } of history) {
      for (const entry of entries) {
        if (entry.what === 'delivered' && entry.conversation === conversation && Math.abs(entry.seq - seq) <= AROUND) tokens.add(entry.token);
      }
    }
  }
  for (const device of history) {
    for (const entry of device.entries) if (concerns(entry, conversation, seq, tokens)) lines.push({ at: entry.at, text: `${device.clientId}: ${describe(entry)}` });
  }
  if (lines.length === 0) return [];
  const from = Math.min(...lines.map(({ at }) => at));
  const to = Math.max(...lines.map(({ at }) => at));
  const during = (at: number): boolean => at >= from - 1_000 && at <= to + 1_000;
  const target = history.find((device) => device.clientId === clientId);
  for (const entry of target?.entries ?? []) if (entry.what === 'connected' && during(entry.at)) lines.push({ at: entry.at, text: `${clientId}: connection ${entry.connection}` });
  for (const { at, what } of log) if (during(at) && (!what.includes('(') || (clientId !== undefined && what.includes(clientId)) || what.startsWith('clients'))) lines.push({ at, text: `-- ${what}` });
  lines.sort((one, other) => one.at - other.at);
  return [...lines.slice(0, LINES).map(({ at, text }) => `  ${((at - from) / 1_000).toFixed(3).padStart(8)} ${text}`), ...(lines.length > LINES ? [`  … ${lines.length - LINES} more lines`] : [])];
}

function concerns(entry: Written, conversation: string | undefined, seq: number | undefined, tokens: ReadonlySet<string>): boolean {
  if ('token' in entry && entry.token !== undefined) return tokens.has(entry.token);
  if (seq === undefined || !('conversation' in entry) || entry.conversation !== conversation) return false;
  if (entry.what === 'gap') return entry.from - AROUND <= seq && seq <= entry.seq + AROUND;
  if (entry.what === 'receipt') return Math.abs(entry.delivered - seq) <= AROUND || Math.abs(entry.read - seq) <= AROUND;
  return 'seq' in entry && Math.abs(entry.seq - seq) <= AROUND;
}

function describe(entry: Written): string {
  switch (entry.what) {
    case 'sent':
      return `sent ${entry.token} (QoS ${entry.qos}${entry.expiresInS > 0 ? `, for ${entry.expiresInS} s` : ''}${entry.id === '' ? ', raw' : ''})`;
    case 'accepted':
      return `${entry.token} accepted at ${entry.seq}`;
    case 'refused':
      return `${entry.token} refused: ${Code[entry.code]}`;
    case 'rejected':
      return `${entry.token} refused for good: ${Code[entry.code]}`;
    case 'acknowledged':
      return `${entry.token} acknowledged`;
    case 'handshake':
      return `${entry.token} handshake ${entry.step}, packet ${entry.packetId}`;
    case 'delivered':
      return `given ${entry.token} at ${entry.seq}${entry.after === undefined ? '' : ` after ${entry.after}`}${entry.dup ? ', DUP' : ''}, connection ${entry.connection}`;
    case 'gap':
      return `given the gap ${entry.from}-${entry.seq}${entry.after === undefined ? '' : ` after ${entry.after}`}, connection ${entry.connection}`;
    case 'shown':
      return `shown ${entry.token ?? entry.id} at ${entry.seq}${entry.again ? ', again' : ''}`;
    case 'raw':
      return `given ${entry.token} raw${entry.dup ? ', DUP' : ''}, connection ${entry.connection}`;
    case 'receipt':
      return `told delivered ${entry.delivered}, read ${entry.read}, own ${entry.ownRead}`;
    case 'reading':
    case 'read':
      return `${entry.what} ${entry.seq}`;
    default:
      return JSON.stringify(entry);
  }
}
