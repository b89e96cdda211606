import type { DeviceHistory } from '../history.js';
import type { Finding } from './finding.js';
import type { Ledger } from './ledger.js';
import { concerns, type SeenChange } from './membership.js';
import { explains, type Given } from './places.js';

/**
 * The logs of groups: changes 1, 2, 3 …, each once and in order; everyone's devices were given those of their time,
 * and each user's feed says once of every change that concerns them, by somebody else.
 */
export function checkGroups(ledger: Ledger, given: ReadonlyMap<string, ReadonlyMap<string, Given>>, found: (finding: Finding) => void): void {
  for (const [conversation, changes] of ledger.membership.changes) checkRevisions(conversation, changes, found);
  for (const { token, conversation, promised, places } of ledger.messages.values()) {
    if (conversation.startsWith('g:') && promised && places.length === 0) found({ kind: 'lost', text: `${token} was acknowledged, and is nowhere to be seen in ${conversation}`, conversation, token });
  }
  for (const device of ledger.history) {
    if (device.kind === 'plain' || device.kind === 'live') continue;
    checkChanges(ledger, device, given.get(device.clientId), found);
    checkFeed(ledger, device, found);
  }
}

function checkRevisions(conversation: string, changes: readonly SeenChange[], found: (finding: Finding) => void): void {
  const seen = new Set<number>();
  let last = 0;
  for (const { revision, seq } of changes) {
    if (seen.has(revision)) found({ kind: 'repeated', text: `change ${revision} of ${conversation} stands twice, at ${seq} too`, conversation, seq });
    else if (revision < last) found({ kind: 'reordered', text: `change ${revision} of ${conversation} stands at ${seq}, behind change ${last}`, conversation, seq });
    seen.add(revision);
    last = Math.max(last, revision);
  }
  for (let revision = 1; revision <= last; revision++) {
    if (!seen.has(revision)) found({ kind: 'lost', text: `change ${revision} of ${conversation} is nowhere to be seen`, conversation, seq: changes.find((change) => change.revision > revision)!.seq });
  }
}

/** Messages: see `places` and `sdk`. */
function checkChanges(ledger: Ledger, device: DeviceHistory, given: ReadonlyMap<string, Given> | undefined, found: (finding: Finding) => void): void {
  const { clientId, user } = device;
  const shown = new Set(device.entries.flatMap((entry) => (entry.what === 'shown' && entry.change ? [`${entry.conversation} ${entry.seq}`] : [])));
  const gaps = device.entries.filter((entry) => entry.what === 'gap');
  for (const [conversation, changes] of ledger.membership.changes) {
    for (const { seq, revision, at } of changes) {
      if (!ledger.membership.holds(conversation, user, seq)) continue;
      if (device.kind === 'sdk' ? shown.has(`${conversation} ${seq}`) : given?.get(conversation)?.places.has(seq)) continue;
      const gap = gaps.find((one) => one.conversation === conversation && one.from <= seq && seq <= one.seq);
      if (gap && explains(ledger, device, gap, { conversation, expiresInS: 0, at }, seq)) continue;
      found({ kind: 'lost', text: `${clientId} was never told of change ${revision} at ${seq} of ${conversation}`, conversation, seq, clientId });
    }
  }
}

function checkFeed({ membership, forgets }: Ledger, { clientId, user, entries }: DeviceHistory, found: (finding: Finding) => void): void {
  const conversation = `u:${user}`;
  /** Group and place of the change → places in the feed. */
  const told = new Map<string, Set<number>>();
  for (const entry of entries) {
    if ((entry.what !== 'delivered' && entry.what !== 'shown') || entry.conversation !== conversation || !entry.change) continue;
    const key = `g:${entry.change.group} ${entry.change.place}`;
    told.set(key, (told.get(key) ?? new Set()).add(entry.seq));
  }
  for (const [group, changes] of membership.changes) {
    for (const change of changes) {
      if (!concerns(change) || change.by === user || !change.users.includes(user)) continue;
      const key = `${group} ${change.seq}`;
      const places = told.get(key);
      if (!places && !forgets) found({ kind: 'lost', text: `${clientId}: the feed never said that ${change.seq} of ${group} concerns them`, conversation: group, seq: change.seq, clientId });
      else if (places && places.size > 1) found({ kind: 'repeated', text: `${clientId}: the feed says of ${change.seq} of ${group} ${places.size} times`, conversation, seq: Math.max(...places), clientId });
      told.delete(key);
    }
  }
  for (const [key, places] of told) found({ kind: 'invented', text: `${clientId}: the feed speaks of ${key}, where nothing concerns them`, conversation, seq: Math.max(...places), clientId });
}
