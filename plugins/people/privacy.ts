import { Audience, Code, type MessageInitShape, type PrivacySchema, type RequestOf } from 'godwit-schemas';
import type { Caller, PluginContext } from '../../broker/ports/plugin.js';
import { refuse } from './refuse.js';

type Answer = { privacy: MessageInitShape<typeof PrivacySchema> };

export async function getPrivacy({ storage }: PluginContext, { user }: Caller): Promise<Answer> {
  return { privacy: { ...(await storage.relations.privacy(user)) } };
}

/** @throws RefusedError */
export async function setPrivacy({ storage, reachChanged }: PluginContext, { user }: Caller, { presence, groups, readReceipts }: RequestOf<'privacy.set'>): Promise<Answer> {
  for (const audience of [presence, groups]) if (audience !== undefined && !(audience in Audience)) refuse(Code.MALFORMED, 'an audience is EVERYONE, CONTACTS or NOBODY');
  const { relations, directory } = storage;
  if (!(await directory.user(user))) refuse(Code.UNKNOWN_USER, 'who has never connected sets nothing');
  const before = await relations.privacy(user);
  const privacy = await relations.setPrivacy(user, {
    ...(presence !== undefined && { presence }),
    ...(groups !== undefined && { groups }),
    ...(readReceipts !== undefined && { readReceipts }),
  });
  if (privacy.presence !== before.presence) reachChanged(user);
  return { privacy: { ...privacy } };
}
