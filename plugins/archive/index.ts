/**
 * Old messages move from the log to an archive, and are read from there as if they had not.
 * @module
 */
import { limits } from 'godwit-schemas';
import type { Logger } from 'pino';
import type { ArchivableLog, Archive } from '../../broker/ports/archive.js';
import { isUnavailable } from '../../broker/ports/availability.js';
import type { ConversationLog } from '../../broker/ports/conversation-log.js';
import { ArchivedLog } from './archived-log.js';
import { Mover } from './move.js';

export { ArchivedLog, Mover };

/** Milliseconds from the start to the first move, and between the end of one and the next. */
const FIRST_MS = 1_000;
const EVERY_MS = 60_000;

export interface ArchivingOptions {
  log: ArchivableLog;
  archive: Archive;
  /** Milliseconds after which a message moves; 0 = never for its age. */
  afterMs: number;
  /** Messages of a conversation beyond which the older ones move; 0 = never for their number. */
  keep: number;
  now: () => number;
  logger: Logger;
}

/** The log with its archive; messages move from now on until it is closed. */
export function archiving({ log, archive, afterMs, keep, now, logger }: ArchivingOptions): { log: ConversationLog; close(): Promise<void> } {
  const whole = new ArchivedLog(log, archive);
  const mover = new Mover(log, archive, whole);
  const round = async (): Promise<void> => {
    try {
      const moved = await mover.move({ sentBeforeMs: afterMs > 0 ? now() - afterMs : 0, keep, tail: limits.archiveTail.value });
      if (moved > 0) logger.debug({ moved }, 'messages moved to the archive');
      await mover.check();
    } catch (error) {
      // Away: that is told elsewhere, and the next round goes on.
      if (!isUnavailable(error)) logger.error({ err: error }, 'moving messages to the archive failed');
    }
  };
  let running = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const next = (ms: number): void => {
    timer = setTimeout(() => {
      running = round().finally(() => {
        if (timer) next(EVERY_MS);
      });
    }, ms);
  };
  next(FIRST_MS);
  return {
    log: whole,
    async close() {
      clearTimeout(timer);
      timer = undefined;
      mover.stop();
      await running;
    },
  };
}
