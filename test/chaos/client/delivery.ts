import { fromBinary, GroupChangeKind, MessageSchema, type Event } from 'godwit-schemas';
import { readBody } from '../body.js';
import type { Change, ToWrite } from '../journal.js';

type Delivery = Extract<ToWrite, { what: 'delivered' | 'gap' | 'broken' }>;

/** A delivery on `u/<user>/msg` or `u/<user>/feed` as it is written down. */
export function readDelivery(payload: Uint8Array, connection: number, dup: boolean): Delivery {
  const message = fromBinary(MessageSchema, payload);
  const { conversation, event } = message;
  const seq = Number(message.seq);
  const id = Buffer.from(message.id).toString('hex');
  // Field 16 at 0 and its absence look alike: nothing was delivered before, or the place before is seq - 1.
  const after = Number(message.after) || undefined;
  if (event?.kind.case === 'gap') {
    const { from, reason } = event.kind.value;
    return { what: 'gap', connection, conversation, from: Number(from), seq, reason, after };
  }
  const change = event && changeOf(conversation, event);
  if (change) return { what: 'delivered', connection, conversation, seq, token: tokenOfChange(change), id, after, dup, change };
  const token = event ? undefined : readBody(message.body);
  if (token === undefined) return { what: 'broken', rule: `a body that nobody sent, at ${conversation} ${seq}` };
  return { what: 'delivered', connection, conversation, seq, token, id, after, dup };
}

/** undefined: an event of another kind. */
export function changeOf(conversation: string, { kind }: Event): Change | undefined {
  if (kind.case === 'group') {
    const { revision, by, users } = kind.value;
    return { group: conversation.slice(2), kind: kind.value.kind, by, revision: Number(revision), users, place: 0 };
  }
  const notice = kind.case === 'feed' ? kind.value.group : undefined;
  return notice && { group: notice.group, kind: notice.kind, by: notice.by, revision: 0, users: [], place: Number(notice.seq) };
}

/** What stands for a change where a message has its token: the same for all who saw the same. No user's device has such a name. */
export function tokenOfChange({ group, kind, by, revision, users, place }: Change): string {
  return revision > 0 ? `*${revision} ${GroupChangeKind[kind]} ${users.join()} by ${by}` : `*notice ${GroupChangeKind[kind]} ${group} ${place} by ${by}`;
}
