import { Code, directConversation } from 'godwit-schemas';
import type { LogRoute, PluginContext, Refusal } from '../../broker/ports/plugin.js';

/** The conversation of two users, if the other one exists and may be written to. To oneself is the note to self. */
export async function routeTo({ storage, mayReach }: Pick<PluginContext, 'storage' | 'mayReach'>, from: string, to: string): Promise<LogRoute | Refusal> {
  if (!(await storage.directory.user(to))) return { code: Code.UNKNOWN_USER, text: 'there is no such user' };
  const refusal = await mayReach(from, to, 'message');
  if (refusal) return refusal;
  return { conversation: directConversation(from, to), members: from === to ? [from] : [from, to] };
}
