import { isGroupConversation, Reason } from 'godwit-schemas';
import { senderOf } from '../body.js';
import type { DeviceHistory } from '../history.js';
import type { Written } from '../journal.js';
import type { Finding } from './finding.js';
import type { Ledger } from './ledger.js';

type Gap = Extract<Written, { what: 'gap' }>;

/**
 * Nobody was given, told of, or let write what lies outside of the places of their conversations: not a message, by
 * `msg` or raw, not a change, not a gap that says more than that they were away, not a tick.
 */
export function checkLeaks(ledger: Ledger, found: (finding: Finding) => void): void {
  for (const device of ledger.history) checkDevice(ledger, device, found);
  for (const { token, conversation, places } of ledger.messages.values()) {
    const clientId = senderOf(token);
    const [user] = clientId.split(':');
    for (const seq of places) {
      if (!ledger.membership.holds(conversation, user, seq)) found({ kind: 'leaked', text: `${token} was taken at ${seq} of ${conversation}, where its sender was no member`, conversation, seq, token, clientId });
    }
  }
}

function checkDevice(ledger: Ledger, device: DeviceHistory, found: (finding: Finding) => void): void {
  const { membership } = ledger;
  const { clientId, user } = device;
  for (const entry of device.entries) {
    if (entry.what === 'delivered' || entry.what === 'shown') {
      const { conversation, seq } = entry;
      if (!membership.holds(conversation, user, seq)) found({ kind: 'leaked', text: `${clientId} was given ${seq} of ${conversation}, which is not theirs`, conversation, seq, token: entry.token, clientId });
    } else if (entry.what === 'raw') {
      const { conversation, token } = entry;
      const places = ledger.messages.get(token)?.places ?? [];
      if (places.length > 0 && !places.some((seq) => membership.holds(conversation, user, seq))) found({ kind: 'leaked', text: `${clientId} was given ${token} of ${conversation}, which is not theirs`, conversation, seq: places[0], token, clientId });
    } else if (entry.what === 'gap') checkGap(ledger, device, entry, found);
    else if (entry.what === 'receipt' && isGroupConversation(entry.conversation)) {
      const { conversation, delivered, read, ownRead } = entry;
      const last = membership.windowsOf(conversation, user).at(-1)?.to ?? 0;
      const told = Math.max(delivered, read, ownRead);
      if (told > last) found({ kind: 'leaked', text: `${clientId} was told of ${told} in ${conversation}, which is not theirs`, conversation, seq: told, clientId });
    }
  }
}

/** Between two times in a group the whole hole (a live session may begin in it), and nothing but it, is NOT_MEMBER; every other gap lies within one time. */
function checkGap({ membership }: Ledger, { clientId, user, kind }: DeviceHistory, { conversation, from, seq, reason }: Gap, found: (finding: Finding) => void): void {
  const windows = membership.windowsOf(conversation, user);
  const tell = (text: string): void => found({ kind: 'leaked', text: `${clientId}, ${conversation}: the gap ${from}-${seq} (${Reason[reason] ?? 'unexplained'}) ${text}`, conversation, seq, clientId });
  if (reason !== Reason.NOT_MEMBER) {
    if (!windows.some((window) => window.from <= from && seq <= window.to)) tell('is not theirs to know');
  } else if (!windows.some(({ to }, index) => (kind === 'live' ? to < from : to + 1 === from) && windows[index + 1]?.from === seq + 1)) tell('is not the time between two times in the group');
}
