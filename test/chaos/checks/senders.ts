import type { Finding } from './finding.js';
import type { Known, Ledger } from './ledger.js';

/** What one device sent to one conversation stands there in the order in which it was sent. */
export function checkSenders(ledger: Ledger, found: (finding: Finding) => void): void {
  for (const { clientId, entries } of ledger.history) {
    const before = new Map<string, Known>();
    for (const entry of entries) {
      if (entry.what !== 'sent') continue;
      const message = ledger.messages.get(entry.token);
      // An outbox that had not kept it yet took it back.
      const seq = message?.places[0];
      if (message === undefined || seq === undefined) continue;
      // It may have stood in its order, have disappeared before anyone saw it, and been forgotten: then a late resend was something new.
      if (ledger.forgets && message.expiresInS > 0 && message.reconnects > 0) continue;
      const last = before.get(message.conversation);
      if (last && last.places[0] > seq) {
        const text = `${clientId} sent ${last.token} (QoS ${last.qos}) before ${message.token} (QoS ${message.qos}); they stand at ${last.places[0]} and ${seq} of ${message.conversation}`;
        found({ kind: 'reordered', text, conversation: message.conversation, seq, token: message.token, clientId });
      }
      if (!last || last.places[0] < seq) before.set(message.conversation, message);
    }
  }
}
