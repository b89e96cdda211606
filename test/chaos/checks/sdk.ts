import type { DeviceHistory } from '../history.js';
import type { Written } from '../journal.js';
import type { Finding } from './finding.js';
import type { Ledger } from './ledger.js';
import { explains, isFor, placesFor } from './places.js';

type Gap = Extract<Written, { what: 'gap' }>;

/**
 * What the SDK promises its app: every message of others, in the order of its conversation, and once; once more only
 * after the end of a process, and saying so. It has proven to itself that nothing is missing, or it tells a gap without
 * a reason. What is folded into others: see `folds`.
 */
export function checkSdk(ledger: Ledger, found: (finding: Finding) => void): void {
  for (const device of ledger.history) if (device.kind === 'sdk') checkDevice(ledger, device, found);
}

function checkDevice(ledger: Ledger, device: DeviceHistory, found: (finding: Finding) => void): void {
  const { clientId } = device;
  const last = new Map<string, number>();
  const seen = new Set<string>();
  const gaps: Gap[] = [];
  for (const entry of device.entries) {
    if (entry.what === 'gap') {
      gaps.push(entry);
      if (entry.reason < 0) found({ kind: 'unproven', text: `${clientId}, ${entry.conversation}: nothing explains that ${entry.from}-${entry.seq} is missing`, conversation: entry.conversation, seq: entry.seq, clientId });
    }
    if (entry.what !== 'shown') continue;
    const { conversation, seq, again } = entry;
    const token = ledger.tokenOf(entry);
    const before = last.get(conversation) ?? 0;
    const tell = (kind: Finding['kind'], text: string): void => found({ kind, text: `${clientId}, ${conversation}: ${token} at ${seq} ${text}`, conversation, seq, token, clientId });
    if (!again && seq === before) tell('repeated', 'was shown twice');
    else if (!again && seq < before) tell('reordered', `was shown after ${before}`);
    last.set(conversation, Math.max(before, seq));
    if (token !== undefined) seen.add(token);
  }
  for (const message of ledger.messages.values()) {
    const { token, conversation, promised, expiresInS, fold } = message;
    const places = placesFor(ledger, device, message);
    if (fold || seen.has(token) || !isFor(ledger, device, message) || (places.length === 0 && !promised)) continue;
    // It may have been stored, and over before a process that was killed was there again.
    if (expiresInS > 0) continue;
    const gap = gaps.find((it) => it.conversation === conversation && it.from <= places[0] && places[0] <= it.seq);
    if (gap && explains(ledger, device, gap, message, places[0])) continue;
    found({ kind: 'lost', text: `${clientId} was never shown ${token} of ${conversation}`, conversation, seq: places[0], token, clientId });
  }
}
