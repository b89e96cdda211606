import { peerOf } from 'godwit-schemas';

/** What a conversation is called; a group by its name, where that is known. */
export function titleOf(conversation: string, me: string, group?: string): string {
  const other = peerOf(conversation, me);
  return other === me ? 'note to self' : (other ?? group ?? conversation.replace(/^g:/, ''));
}
