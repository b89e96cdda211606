import { setImmediate } from 'node:timers/promises';
import type { ArchiveRule, Places } from '../../broker/ports/archive.js';
import { headKey, headSummary } from './conversations.js';
import type { EmbeddedLog } from './log.js';
import type { Store } from './store.js';
import { lastBefore } from './sweep.js';

/** Conversations that are looked at in one go. */
const AT_ONCE = 64;
const ONE = { entries: 1, bytes: 1 };

/** The places of each conversation that the rule lets move, and that have not. */
export async function* archivable(store: Store, log: EmbeddedLog, { sentBeforeMs, keep, tail }: ArchiveRule): AsyncGenerator<Places> {
  for (let next = 0; ; ) {
    const piece = [...store.db.heads.getRange({ start: headKey(next), limit: AT_ONCE })];
    if (piece.length === 0) return;
    next = piece.at(-1)!.key.readUInt32BE(0) + 1;
    for (const { key, value } of piece) {
      // What is open in memory is newer than its record.
      const { name, head, first, archivedTo, oldestSentAtMs } = store.conversations.opened(key.readUInt32BE(0)) ?? headSummary(value);
      const from = Math.max(first, archivedTo + 1);
      const last = head - tail;
      if (from > last) continue;
      const beyond = keep > 0 ? head - keep : 0;
      // Behind what has moved, the next one alone mostly says that nothing is old enough.
      const oldest = from === first || beyond >= last ? oldestSentAtMs : (log.read(name, from, ONE)[0]?.sentAtMs ?? Infinity);
      const old = beyond >= last ? last : await lastBefore(log, { name, first: from, oldestSentAtMs: oldest }, sentBeforeMs);
      const to = Math.min(last, Math.max(beyond, old));
      if (to >= from) yield { conversation: name, from, to };
    }
    await setImmediate();
  }
}
