import { peerOf } from 'godwit-schemas';
import { simple } from '../text.js';

/** What a conversation is called; a group by its name, which others have chosen, where that is known. */
export function titleOf(conversation: string, me: string, group?: string): string {
  const other = peerOf(conversation, me);
  return other === me ? 'note to self' : (other ?? simple(group ?? conversation.replace(/^g:/, '')));
}
