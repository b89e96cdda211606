import type { DeviceHistory } from '../history.js';
import type { Written } from '../journal.js';
import type { Finding } from './finding.js';
import type { Ledger } from './ledger.js';
import { hasExpired, isFor } from './places.js';

type Gap = Extract<Written, { what: 'gap' }>;

/** Plain devices know no places and no ids: each message at least once, first occurrences in the order of the log. */
export function checkPlainDevices(ledger: Ledger, found: (finding: Finding) => void): void {
  for (const device of ledger.history) if (device.kind === 'plain') checkDevice(ledger, device, found);
}

function checkDevice(ledger: Ledger, device: DeviceHistory, found: (finding: Finding) => void): void {
  const seen = new Set<string>();
  const gaps: Gap[] = [];
  const last = new Map<string, number>();
  for (const entry of device.entries) {
    if (entry.what === 'gap') gaps.push(entry);
    if (entry.what !== 'raw' || seen.has(entry.token)) continue;
    const { token, conversation } = entry;
    seen.add(token);
    const seq = ledger.placeOf(token);
    if (seq === undefined) continue;
    const before = last.get(conversation) ?? 0;
    if (seq < before) found({ kind: 'reordered', text: `${device.clientId}, ${conversation}: ${token} at ${seq} came for the first time after ${before}`, conversation, seq, token, clientId: device.clientId });
    last.set(conversation, Math.max(seq, before));
  }
  for (const message of ledger.messages.values()) {
    const { token, conversation, places, promised } = message;
    if (seen.has(token) || !isFor(device, token, conversation) || (places.length === 0 && !promised)) continue;
    const gap = gaps.find((it) => it.conversation === conversation && it.from <= places[0] && places[0] <= it.seq);
    if (gap && hasExpired(gap, message)) continue;
    found({ kind: 'lost', text: `${device.clientId} never had ${token} of ${conversation}`, conversation, seq: places[0], token, clientId: device.clientId });
  }
}
