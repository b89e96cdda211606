import { peerOf } from 'godwit-schemas';

/** What a conversation is called. */
export function titleOf(conversation: string, me: string): string {
  const other = peerOf(conversation, me);
  return other === me ? 'note to self' : (other ?? conversation.replace(/^g:/, ''));
}
