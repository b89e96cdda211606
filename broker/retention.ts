import { limits } from 'godwit-schemas';
import type { Logger } from 'pino';
import type { Retention } from './config.js';
import type { Trimmable, Window } from './ports/conversation-log.js';
import type { Storage } from './ports/storage.js';
import { windowAt } from './ports/windows.js';

/** Milliseconds between two sweeps: how late a disappearing message may leave the log. */
const EVERY_MS = 1_000;
/** Every so many sweeps retention is looked at too: it asks for every conversation. */
const RETENTION_EVERY = 60;

export interface SweepOptions {
  storage: Storage;
  retention: Retention;
  now: () => number;
  log: Logger;
}

/** Removes what has disappeared and what retention does not keep, again and again. Returns what stops it. */
export function sweepRegularly({ storage, retention, now, log }: SweepOptions): () => Promise<void> {
  let round = 0;
  let running = Promise.resolve();
  let busy = false;
  const sweep = async (): Promise<void> => {
    const trimmable = round++ % RETENTION_EVERY === 0 ? (conversation: string) => trimmableOf(storage, retention, conversation, now()) : undefined;
    const report = await storage.log.sweep(now(), trimmable);
    if (report.expired + report.trimmed > 0) log.debug(report, 'swept');
  };
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = sweep()
      .catch((error) => log.error({ err: error }, 'the sweep failed'))
      .finally(() => (busy = false));
  }, EVERY_MS);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

/** What may go of a conversation: by age, or up to where every device that it is for has it. */
export async function trimmableOf(storage: Storage, retention: Retention, conversation: string, nowMs: number): Promise<Trimmable | undefined> {
  switch (retention.kind) {
    case 'forever':
      return undefined;
    case 'age':
      return { upTo: 0, sentBeforeMs: nowMs - retention.ms };
    case 'delivered':
      return { upTo: await deliveredToAll(storage, conversation), sentBeforeMs: nowMs - limits.retentionDeliveredMs.value };
  }
}

/**
 * The place up to which every device has what it is given: who has left, too, is given the places of the time that they
 * were there. Who has no device yet is waited for: their first one begins at their cursor.
 */
async function deliveredToAll({ log, cursors, directory }: Storage, conversation: string): Promise<number> {
  const kept = await log.head(conversation);
  const everyone = await log.allWindows(conversation);
  if (!kept || everyone.size === 0) return 0;
  let lowest = kept.head;
  for (const [user, windows] of everyone) {
    // Nobody is asked about who has left long ago.
    if (!windowAt(windows, kept.first)) continue;
    const devices = await directory.devicesOf(user);
    if (devices.length === 0) lowest = Math.min(lowest, settledAt(windows, (await cursors.user(user, conversation)).start));
    for (const { device } of devices) lowest = Math.min(lowest, settledAt(windows, (await cursors.device(user, device, conversation))?.position ?? 0));
  }
  return lowest;
}

/** The place before the next one that a device at `position` is given; Infinity: it is given none. */
function settledAt(windows: readonly Window[], position: number): number {
  const next = windowAt(windows, position + 1);
  return next ? Math.max(position, next.from - 1) : Infinity;
}
