import { Audience, Code, limits, validUserId } from 'godwit-schemas';
import type { PluginContext } from '../../broker/ports/plugin.js';
import type { Relation } from '../../broker/ports/relations.js';
import { refuse } from './refuse.js';

const most = { contact: limits.contactsOfUser.value, block: limits.blocksOfUser.value };
const names = { contact: 'contacts', block: 'blocks' };

/** @throws RefusedError */
export async function addOthers(context: PluginContext, user: string, relation: Relation, users: readonly string[]): Promise<{ changed: string[] }> {
  const { storage } = context;
  checkUsers(users);
  if (!(await storage.directory.user(user))) refuse(Code.UNKNOWN_USER, 'who has never connected has no list');
  for (const other of users) {
    if (other === user) refuse(Code.MALFORMED, 'that is yourself');
    if (!(await storage.directory.user(other))) refuse(Code.UNKNOWN_USER, `there is no user ${other}`);
  }
  const changed = await storage.relations.add(user, relation, users, most[relation]);
  if (!changed) refuse(Code.LIMIT_REACHED, `at most ${most[relation]} ${names[relation]}`);
  return tell(context, user, relation, changed);
}

/** @throws RefusedError */
export async function removeOthers(context: PluginContext, user: string, relation: Relation, users: readonly string[]): Promise<{ changed: string[] }> {
  checkUsers(users);
  return tell(context, user, relation, await context.storage.relations.remove(user, relation, users));
}

/** @throws RefusedError */
export async function listOthers({ storage }: PluginContext, user: string, relation: Relation, { after, limit }: { after: string; limit: number }): Promise<{ users: string[]; more: boolean }> {
  if (after !== '' && !validUserId(after)) refuse(Code.MALFORMED, 'after must be a user id');
  const page = Math.min(limit || limits.relationsPage.value, limits.relationsPage.value);
  const users = await storage.relations.list(user, relation, after, page + 1);
  return { users: users.slice(0, page), more: users.length > page };
}

/** Who are contacts matters only where something that is told by itself is for contacts alone. */
async function tell({ storage, reachChanged }: PluginContext, user: string, relation: Relation, changed: readonly string[]): Promise<{ changed: string[] }> {
  const matters = relation === 'block' || (await storage.relations.privacy(user)).presence === Audience.CONTACTS;
  if (matters) for (const other of changed) reachChanged(user, other);
  return { changed: [...changed] };
}

function checkUsers(users: readonly string[]): void {
  if (users.length === 0) refuse(Code.MALFORMED, 'users are needed');
  if (users.length > limits.usersOfCall.value) refuse(Code.TOO_LARGE, `at most ${limits.usersOfCall.value} users a call`);
  if (!users.every(validUserId)) refuse(Code.MALFORMED, 'users are user ids');
}
