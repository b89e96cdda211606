import type { DeviceHistory } from '../history.js';
import type { Written } from '../journal.js';
import type { Finding } from './finding.js';
import type { Ledger } from './ledger.js';
import { explains, isFor, placesFor } from './places.js';

type Gap = Extract<Written, { what: 'gap' }>;

/** Plain devices know no places and no ids: each message at least once, first occurrences in the order of the log. */
export function checkPlainDevices(ledger: Ledger, found: (finding: Finding) => void): void {
  for (const device of ledger.history) if (device.kind === 'plain') checkDevice(ledger, device, found);
}

function checkDevice(ledger: Ledger, device: DeviceHistory, found: (finding: Finding) => void): void {
  checkOrder(ledger, device, found);
  const seen = new Set<string>();
  const gaps: Gap[] = [];
  for (const entry of device.entries) {
    if (entry.what === 'gap') gaps.push(entry);
    else if (entry.what === 'raw') seen.add(entry.token);
  }
  for (const message of ledger.messages.values()) {
    const { token, conversation, promised } = message;
    const places = placesFor(ledger, device, message);
    if (seen.has(token) || !isFor(ledger, device, message) || (places.length === 0 && !promised)) continue;
    const gap = gaps.find((it) => it.conversation === conversation && it.from <= places[0] && places[0] <= it.seq);
    if (gap && explains(ledger, device, gap, message, places[0])) continue;
    found({ kind: 'lost', text: `${device.clientId} never had ${token} of ${conversation}`, conversation, seq: places[0], token, clientId: device.clientId });
  }
}

/**
 * First occurrences rise. A device that takes in what it is given in any order, and forgets what it has not taken in
 * when the connection ends, is given that again behind later ones: there only what one connection gave counts.
 */
function checkOrder(ledger: Ledger, device: DeviceHistory, found: (finding: Finding) => void): void {
  const { clientId, habit, entries } = device;
  const raws = entries.filter((entry) => entry.what === 'raw').sort((one, other) => one.connection - other.connection || one.arrived - other.arrived);
  const seen = new Set<string>();
  const last = new Map<string, number>();
  for (const { token, conversation, connection } of raws) {
    const message = ledger.messages.get(token);
    // Of one that stands twice the first may lie where the user was not in the group.
    const seq = message && placesFor(ledger, device, message)[0];
    if (seq === undefined || seen.has(token)) continue;
    seen.add(token);
    const line = habit === 'scattered' ? `${conversation} ${connection}` : conversation;
    const before = last.get(line) ?? 0;
    if (seq < before) found({ kind: 'reordered', text: `${clientId}, ${conversation}: ${token} at ${seq} came for the first time after ${before}`, conversation, seq, token, clientId });
    last.set(line, Math.max(seq, before));
  }
}
