import { fromBinary, MessageSchema } from 'godwit-schemas';
import { readBody } from '../body.js';
import type { ToWrite } from '../journal.js';

type Delivery = Extract<ToWrite, { what: 'delivered' | 'gap' | 'broken' }>;

/** A delivery on `u/<user>/msg` as it is written down. */
export function readDelivery(payload: Uint8Array, connection: number, dup: boolean): Delivery {
  const message = fromBinary(MessageSchema, payload);
  const { conversation, event } = message;
  const seq = Number(message.seq);
  // Field 16 at 0 and its absence look alike: nothing was delivered before, or the place before is seq - 1.
  const after = Number(message.after) || undefined;
  if (event?.kind.case === 'gap') {
    const { from, reason } = event.kind.value;
    return { what: 'gap', connection, conversation, from: Number(from), seq, reason, after };
  }
  const token = readBody(message.body);
  if (token === undefined) return { what: 'broken', rule: `a body that nobody sent, at ${conversation} ${seq}` };
  return { what: 'delivered', connection, conversation, seq, token, id: Buffer.from(message.id).toString('hex'), after, dup };
}
