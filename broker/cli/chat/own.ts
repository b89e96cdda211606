import { directConversation } from 'godwit-schemas';
import type { Client, Sent } from 'godwit-client';
import type { MessageItem } from './transcript.js';

/** Sends a text: it stands in the transcript before the server has it. */
export function sendText(client: Client, other: string, text: string): { sent: Sent; item: MessageItem } {
  const sent = client.send(other, text);
  return { sent, item: ownItem(client.user, sent, text, Date.now()) };
}

/** What an earlier run left: still to be sent, or refused. */
export function queuedItems(client: Client, other: string): MessageItem[] {
  const here = directConversation(client.user, other);
  return client
    .outbox()
    .filter(({ conversation }) => conversation === here)
    .map((sent) => ownItem(client.user, sent, sent.text ?? '(not a text)', 0));
}

function ownItem(me: string, { id, state, seq, error }: Sent, text: string, atMs: number): MessageItem {
  return { kind: 'message', id, from: me, own: true, text, atMs, seq, state, error: error?.message };
}
