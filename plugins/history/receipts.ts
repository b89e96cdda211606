import { setImmediate as otherWork } from 'node:timers/promises';
import { Code, peerOf, type MessageInitShape, type ReceiptsGetResponseSchema, type RequestOf } from 'godwit-schemas';
import type { Storage } from '../../broker/ports/storage.js';
import { holds, refuse, viewOf } from './view.js';

/** Members looked at before other work has its turn: a group may have a thousand. */
const TURN = 128;

/** `receipts.get`. In a one-to-one nobody is told of reading where one of the two does not tell. @throws RefusedError */
export async function receiptsOf({ log, cursors, relations }: Pick<Storage, 'log' | 'cursors' | 'relations'>, user: string, { conversation, seq }: RequestOf<'receipts.get'>): Promise<MessageInitShape<typeof ReceiptsGetResponseSchema>> {
  const view = await viewOf(log, user, conversation);
  if (!holds(view, seq)) refuse(Code.NOT_ALLOWED, 'this place of the conversation is not yours');
  const place = Number(seq);
  const members: { user: string; deliveredAtMs: bigint; readAtMs: bigint }[] = [];
  let looked = 0;
  for (const member of await log.membersOf(conversation)) {
    if (++looked % TURN === 0) await otherWork();
    if (member === user || !holds({ head: view.head, windows: await log.windowsOf(conversation, member) }, seq)) continue;
    const { deliveredAtMs, readAtMs } = await cursors.reached(member, conversation, place);
    const shown = peerOf(conversation, user) === undefined || ((await relations.privacy(user)).readReceipts && (await relations.privacy(member)).readReceipts);
    members.push({ user: member, deliveredAtMs: BigInt(deliveredAtMs), readAtMs: shown ? BigInt(readAtMs) : 0n });
  }
  return { members };
}
