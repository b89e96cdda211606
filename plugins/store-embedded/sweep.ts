import { setImmediate } from 'node:timers/promises';
import { EntryState } from '../../broker/ports/conversation-log.js';
import type { ConversationLog, MaybePromise, SweepReport, Trimmable } from '../../broker/ports/conversation-log.js';
import { headKey, headSummary } from './conversations.js';
import { readU64 } from './database.js';
import { expiryKey } from './fill.js';
import type { Store } from './store.js';

/** Milliseconds after which a step lets others run. */
const SLICE_MS = 5;
/** Conversations whose trims go into one commit. */
const TRIMS = 64;
const PAGE = { entries: 256, bytes: 128 * 1024 };

type Ask = (conversation: string, oldestSentAtMs: number) => MaybePromise<Trimmable | undefined>;

/** Takes the bodies of what has disappeared, then removes what retention lets go. Everything goes through the journal. */
export async function sweep(store: Store, log: ConversationLog, nowMs: number, trimmable: Ask | undefined): Promise<SweepReport> {
  const expired = await expire(store, log, nowMs);
  const trimmed = trimmable ? await retain(store, log, trimmable) : 0;
  return { expired, trimmed };
}

async function expire(store: Store, log: ConversationLog, nowMs: number): Promise<number> {
  const { db, limits } = store;
  let expired = 0;
  for (;;) {
    const due = [...db.expiry.getKeys({ end: expiryKey(nowMs + 1, 0, 0), limit: limits.sweepStep })];
    if (due.length === 0) return expired;
    for (const key of due) {
      const conversation = store.conversations.byNumber(key.readUInt32BE(8));
      const seq = readU64(key, 12);
      const [entry] = await log.read(conversation.name, seq, { entries: 1, bytes: 1 });
      // Erased or trimmed since: only its row in the index is left.
      if (entry?.seq !== seq || entry.state !== EntryState.Live) continue;
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

async function retain(store: Store, log: ConversationLog, trimmable: Ask): Promise<number> {
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
      trimmed += await places(log, state.name, state.first, upTo);
      pending.push(log.trim(state.name, upTo));
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

/** The last place that was sent before the time; 0 = none. */
async function lastBefore(log: ConversationLog, state: { name: string; first: number; oldestSentAtMs: number }, timeMs: number): Promise<number> {
  let last = 0;
  if (state.oldestSentAtMs >= timeMs) return last;
  for (let from = state.first; ; ) {
    const page = await log.read(state.name, from, PAGE);
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
async function places(log: ConversationLog, conversation: string, from: number, to: number): Promise<number> {
  let count = to - from + 1;
  for (const hole of await log.holes(conversation)) count -= Math.max(0, Math.min(to, hole.to) - Math.max(from, hole.from) + 1);
  return count;
}
