import {
  Code,
  limits,
  State,
  validUserId,
  type AdminUserSchema,
  type AdminUsersAddResponseSchema,
  type AdminUsersListResponseSchema,
  type AdminUsersRemoveResponseSchema,
  type MessageInitShape,
  type RequestOf,
} from 'godwit-schemas';
import type { UserRecord } from '../../broker/ports/directory.js';
import { RefusedError, type PluginContext, type Refusal } from '../../broker/ports/plugin.js';

const REMOVED: Refusal = { code: Code.REVOKED, text: 'the user was removed' };

export async function addUser({ storage, now }: PluginContext, { user }: RequestOf<'admin.users.add'>): Promise<MessageInitShape<typeof AdminUsersAddResponseSchema>> {
  checkUserId(user);
  return { created: await storage.directory.addUser(user, now()) };
}

/**
 * Removes a user with everything that is kept of them, and ends their connections. Their tokens stay valid: who still
 * has one and connects is a new user of the same name.
 */
export async function removeUser(context: PluginContext, { user }: RequestOf<'admin.users.remove'>): Promise<MessageInitShape<typeof AdminUsersRemoveResponseSchema>> {
  checkUserId(user);
  return { removed: await context.removeUser(user, REMOVED) };
}

export async function listUsers(context: PluginContext, { after, limit }: RequestOf<'admin.users.list'>): Promise<MessageInitShape<typeof AdminUsersListResponseSchema>> {
  if (after !== '') checkUserId(after, 'after');
  const page = Math.min(limit || limits.usersPage.value, limits.usersPage.value);
  const records = await context.storage.directory.users(after, page + 1);
  const users: MessageInitShape<typeof AdminUserSchema>[] = [];
  for (const record of records.slice(0, page)) users.push(await describe(context, record));
  return { users, more: records.length > page };
}

async function describe({ storage, hub, now }: PluginContext, { user, createdAtMs }: UserRecord): Promise<MessageInitShape<typeof AdminUserSchema>> {
  const { state, lastSeenMs } = await storage.presence.get(user, now());
  const devices = await storage.directory.devicesOf(user);
  return {
    user,
    createdAtMs: BigInt(createdAtMs),
    lastSeenMs: BigInt(lastSeenMs),
    devices: devices.length,
    online: state !== State.OFFLINE || hub.of(user).length > 0,
  };
}

/** @throws RefusedError MALFORMED */
export function checkUserId(user: string, field = 'user'): void {
  if (!validUserId(user)) throw new RefusedError({ code: Code.MALFORMED, text: `${field} must be a user id` });
}
