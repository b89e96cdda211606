import { faultsFound, type Finding, type Kind } from './checks/finding.js';
import { Ledger } from './checks/ledger.js';
import { checkCalls } from './checks/calls.js';
import { checkGroups } from './checks/groups.js';
import { checkLeaks } from './checks/leaks.js';
import { checkPlaces } from './checks/places.js';
import { checkPresence } from './checks/presence.js';
import { checkPlainDevices } from './checks/plain.js';
import { checkFolds } from './checks/folds.js';
import { checkSdk } from './checks/sdk.js';
import { checkSenders } from './checks/senders.js';
import { checkTicks } from './checks/ticks.js';
import type { History } from './history.js';

export interface Verdict {
  findings: Finding[];
  counts: Record<Kind, number>;
  /** Messages that the server promised to keep. */
  messages: number;
  /** Deliveries that were written down, resends included. */
  deliveries: number;
  /** Of places that the device had already: after a connection that ended before the PUBACK. */
  resends: number;
  /** Places told as gaps. */
  gaps: number;
  refusals: number;
  receipts: number;
  /** What the SDK handed to its app, and what of it once more. */
  shown: number;
  again: number;
  /** Edits, reactions and deletions that were accepted. */
  folds: number;
  /** Changes of groups, and messages that stand in one. */
  changes: number;
  inGroups: number;
  /** Refused for good: of people who were no members. */
  rejected: number;
}

/**
 * Compares what every device wrote down: what the server promised, and what it did.
 * @param forgets the server keeps nothing that everyone has: it may take a late resend of that for something new
 */
export function check(history: History, forgets = false): Verdict {
  const ledger = new Ledger(history, forgets);
  const findings = [...ledger.findings];
  const found = (finding: Finding): void => void findings.push(finding);
  const given = checkPlaces(ledger, found);
  checkGroups(ledger, given, found);
  checkCalls(history, ledger.membership, found);
  checkLeaks(ledger, found);
  checkSenders(ledger, found);
  checkPlainDevices(ledger, found);
  checkSdk(ledger, found);
  checkFolds(ledger, found);
  checkTicks(ledger, found);
  checkPresence(history, found);
  const counts = Object.fromEntries(faultsFound.map((kind) => [kind, findings.filter((finding) => finding.kind === kind).length])) as Record<Kind, number>;
  const messages = [...ledger.messages.values()];
  const changes = [...ledger.membership.changes.values()].flat().length;
  const inGroups = messages.filter(({ conversation, places }) => conversation.startsWith('g:') && places.length > 0).length;
  return {
    ...{ findings, counts, changes, inGroups, rejected: messages.filter(({ rejected }) => rejected).length },
    messages: messages.filter(({ promised }) => promised).length,
    folds: messages.filter(({ promised, fold }) => promised && fold).length,
    ...countEntries(history),
  };
}

function countEntries(history: History): Pick<Verdict, 'deliveries' | 'resends' | 'gaps' | 'refusals' | 'receipts' | 'shown' | 'again'> {
  const counts = { deliveries: 0, resends: 0, gaps: 0, refusals: 0, receipts: 0, shown: 0, again: 0 };
  for (const { entries } of history) {
    const seen = new Set<string>();
    for (const entry of entries) {
      if (entry.what === 'gap') counts.gaps++;
      else if (entry.what === 'refused') counts.refusals++;
      else if (entry.what === 'receipt') counts.receipts++;
      else if (entry.what === 'shown') {
        counts.shown++;
        if (entry.again) counts.again++;
      }
      if (entry.what !== 'delivered' && entry.what !== 'raw') continue;
      counts.deliveries++;
      if (seen.has(entry.token)) counts.resends++;
      seen.add(entry.token);
    }
  }
  return counts;
}
