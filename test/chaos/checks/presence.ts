import { State } from 'godwit-schemas';
import type { History } from '../history.js';
import type { Finding } from './finding.js';

/** At the end everyone is connected: nobody may be left with the news that someone is offline. */
export function checkPresence(history: History, found: (finding: Finding) => void): void {
  for (const { clientId, entries } of history) {
    const last = new Map<string, number>();
    for (const entry of entries) if (entry.what === 'presence') last.set(entry.user, entry.state);
    for (const [user, state] of last) {
      if (state === State.OFFLINE) found({ kind: 'wrong presence', text: `${clientId} was told last that ${user} is offline, who is not`, clientId });
    }
  }
}
