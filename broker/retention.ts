import { limits } from 'godwit-schemas';
import type { Logger } from 'pino';
import type { Retention } from './config.js';
import type { Trimmable } from './ports/conversation-log.js';
import type { Storage } from './ports/storage.js';

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

/** The place up to which every device of every member has the conversation; 0 while a member has no device yet. */
async function deliveredToAll({ log, cursors, directory }: Storage, conversation: string): Promise<number> {
  let lowest = Number.MAX_SAFE_INTEGER;
  for (const member of await log.membersOf(conversation)) {
    const devices = await directory.devicesOf(member);
    if (devices.length === 0) return 0;
    for (const { device } of devices) lowest = Math.min(lowest, (await cursors.device(member, device, conversation))?.position ?? 0);
  }
  return lowest === Number.MAX_SAFE_INTEGER ? 0 : lowest;
}
