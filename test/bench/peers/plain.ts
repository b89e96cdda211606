import { bodyBytes, type Account } from '../load/frames.js';
import type { Dialect } from './peer.js';

/** A broker's own way: a topic for each receiver, and the message is the payload. */
export const plainDialect: Dialect = {
  payload: { bytes: Buffer.alloc(bodyBytes, 'b').toString('hex'), body: 0 },
  publishTopic: (to) => `m/${to}`,
  deliveryTopic: (to) => `m/${to}`,
  receiverFilter: (user) => `m/${user}`,
  group: { publishTopic: (group) => `g/${group}`, deliveryTopic: (_user, group) => `g/${group}`, receiverFilter: (_user, group) => `g/${group}` },
};

export const plainAccount = (user: string, clean: boolean): Promise<Account> => Promise.resolve({ clientId: user, clean });
