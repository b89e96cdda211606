import type { Engine } from '../engine.js';
import { tickAt } from '../places.js';
import { decodeRecord, keys } from '../records.js';
import type { Sent } from '../sent.js';
import { decodeStored, tickOf } from '../stored-message.js';
import type { SentStatus } from './messages.js';

export function statusOf(sent: Sent): SentStatus {
  const { id, conversation, text, state, seq, sentAtMs, expiresInS, error } = sent;
  return { id, conversation, text, state, seq, sentAtMs, expiresInS, error };
}

/** What became of own messages: where each stands in the outbox or, by its mark, among the messages. */
export async function findSent(engine: Engine, wanted: readonly { id: string; conversation: string }[]): Promise<(SentStatus | undefined)[]> {
  const found: (SentStatus | undefined)[] = [];
  // In a transaction: no answer of the server is between outbox and messages then.
  await engine.inbox.run(async (tx) => {
    for (const { id, conversation } of wanted) {
      const queued = engine.outboxStore.find(id);
      if (queued) {
        found.push(statusOf(queued));
        continue;
      }
      const mark = await tx.get(keys.mark(conversation, engine.identity.user, id));
      if (!mark) {
        found.push(undefined);
        continue;
      }
      const { seq } = decodeRecord<{ seq: number }>(mark).head;
      const record = await tx.get(keys.message(conversation, seq));
      const place = tx.place(conversation);
      // It may have disappeared meanwhile.
      const stored = record && decodeStored(record).head;
      const state = stored ? tickOf(stored, place, seq) : tickAt(place, seq);
      found.push({ id, conversation, text: undefined, state, seq, sentAtMs: stored?.sentAtMs, expiresInS: stored?.expiresInS ?? 0, error: undefined });
    }
  });
  return found;
}
