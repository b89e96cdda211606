import type { ConversationLog } from '../../broker/ports/conversation-log.js';

/** The same log, which answers everything a little later, as one on another machine does. */
export function slowLog(log: ConversationLog): ConversationLog {
  return new Proxy(log, {
    get: (target, name) => async (...args: unknown[]) => (Reflect.get(target, name) as (...args: unknown[]) => unknown).apply(target, args),
  });
}
