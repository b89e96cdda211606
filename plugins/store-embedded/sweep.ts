import { setImmediate } from 'node:timers/promises';
import { EntryState } from '../../broker/ports/conversation-log.js';
import type { MaybePromise, SweepReport, Trimmable } from '../../broker/ports/conversation-log.js';
import { headKey, headSummary } from './conversations.js';
import { readU64 } from './database.js';
import { becomes } from './entry.js';
import { expiryKey } from './fill.js';
import type { EmbeddedLog } from './log.js';
import type { Store } from './store.js';

/** Milliseconds after which a step lets others run. */
const SLICE_MS = 5;
/** Conversations whose trims go into one commit. */
const TRIMS = 64;
const PAGE = { entries: 256, bytes: 128 * 1024 };

type Ask = (conversation: string, oldestSentAtMs: number) => MaybePromise<Trimmable | undefined>;
/** Places up to `upTo` are gone, of which some may be in the archive. */
export type Gone = (conversation: string, upTo: number) => void;

/** Takes the bodies of what has disappeared, then removes what retention lets go. Everything goes through the journal. */
export async function sweep(store: Store, log: EmbeddedLog, nowMs: number, trimmable: Ask | undefined, gone: Gone | undefined): Promise<SweepReport> {
  const expired = await expire(store, log, nowMs);
  const trimmed = trimmable ? await retain(store, log, trimmable, gone) : 0;
  return { expired, trimmed };
}

async function expire(store: Store, log: EmbeddedLog, nowMs: number): Promise<number> {
  const { db, limits } = store;
  let expired = 0;
  for (;;) {
    const due = [...db.expiry.getKeys({ end: expiryKey(nowMs + 1, 0, 0), limit: limits.sweepStep })];
    if (due.length === 0) return expired;
    for (const key of due) {
      const conversation = store.conversations.byNumber(key.readUInt32BE(8));
      const seq = readU64(key, 12);
      const [entry] = log.read(conversation.name, seq, { entries: 1, bytes: 1 });
      // Erased or trimmed since: only its row in the index is left.
      if (entry?.seq !== seq || !becomes(entry, EntryState.Expired)) continue;
      store.markLater(conversation, seq, EntryState.Expired);
      expired++;
    }
    // The rows of the index go last: after a crash in between they are found again, and do nothing.
    await store.commit();
    await store.fill.now();
    await db.root.batch(() => {
      for (const key of due) void db.expiry.remove(key);
    });
    await setImmediate();
  }
}

async function retain(store: Store, log: EmbeddedLog, trimmable: Ask, gone: Gone | undefined): Promise<number> {
  let trimmed = 0;
  let pending: Promise<void>[] = [];
  let sliceEnds = performance.now() + SLICE_MS;
  for (let next = 0; ; ) {
    const piece = [...store.db.heads.getRange({ start: headKey(next), limit: TRIMS })];
    if (piece.length === 0) break;
    next = piece.at(-1)!.key.readUInt32BE(0) + 1;
    for (const { key, value } of piece) {
      // What is open in memory is newer than its record.
      const state = store.conversations.opened(key.readUInt32BE(0)) ?? headSummary(value);
      // A restart came before all chunks were removed.
      if (state.clearedTo < state.first) store.fill.clear(store.conversations.get(state.name)!);
      if (state.first > state.head) continue;
      const may = await trimmable(state.name, state.oldestSentAtMs);
      if (!may) continue;
      const upTo = Math.min(state.head, Math.max(may.upTo, await lastBefore(log, state, may.sentBeforeMs)));
      if (upTo < state.first) continue;
      trimmed += places(log, state.name, state.first, upTo);
      const { name, first, archivedTo } = state;
      pending.push(log.trim(name, upTo).then(() => { if (archivedTo >= first) gone?.(name, upTo); }));
    }
    await Promise.all(pending);
    pending = [];
    if (performance.now() > sliceEnds) {
      await setImmediate();
      sliceEnds = performance.now() + SLICE_MS;
    }
  }
  while (store.fill.clears) {
    await store.fill.now();
    await setImmediate();
  }
  return trimmed;
}

/** The last place from `first` on that was sent before the time; 0 = none. */
export async function lastBefore(log: EmbeddedLog, { name, first, oldestSentAtMs }: { name: string; first: number; oldestSentAtMs: number }, timeMs: number): Promise<number> {
  let last = 0;
  if (oldestSentAtMs >= timeMs) return last;
  for (let from = first; ; ) {
    const page = log.read(name, from, PAGE);
    for (const entry of page) {
      if (entry.sentAtMs >= timeMs) return last;
      last = entry.seq;
    }
    if (page.length === 0) return last;
    from = last + 1;
    await setImmediate();
  }
}

/** How many places [from, to] has, holes not counted. */
function places(log: EmbeddedLog, conversation: string, from: number, to: number): number {
  let count = to - from + 1;
  for (const hole of log.holes(conversation)) count -= Math.max(0, Math.min(to, hole.to) - Math.max(from, hole.from) + 1);
  return count;
}
