import type { AdminUser } from 'godwit-schemas';
import { call } from './control.js';
import { CommandError } from './errors.js';
import { findServer, type Server, type ServerOptions } from './server.js';
import { table } from './table.js';
import { agoOrTime } from './times.js';

export async function addUsers(users: readonly string[], options: ServerOptions): Promise<void> {
  const { server, token } = asAdmin(options);
  for (const user of users) {
    const { created } = await call(server, token, 'admin.users.add', { user });
    process.stdout.write(created ? `${user} was added\n` : `${user} exists already\n`);
  }
}

/** @throws CommandError when one of them does not exist */
export async function removeUsers(users: readonly string[], options: ServerOptions): Promise<void> {
  const { server, token } = asAdmin(options);
  const unknown: string[] = [];
  for (const user of users) {
    const { removed } = await call(server, token, 'admin.users.remove', { user });
    if (removed) process.stdout.write(`${user} was removed\n`);
    else unknown.push(user);
  }
  if (unknown.length > 0) throw new CommandError(`there is no user ${unknown.join(', ')}`);
}

export async function listUsers(options: ServerOptions): Promise<void> {
  const { server, token } = asAdmin(options);
  const rows = [['USER', 'DEVICES', 'LAST SEEN', 'SINCE']];
  const nowMs = Date.now();
  for (let after = '', more = true; more; ) {
    const page = await call(server, token, 'admin.users.list', { after });
    rows.push(...page.users.map((user) => row(user, nowMs)));
    more = page.more;
    after = page.users.at(-1)?.user ?? '';
  }
  process.stdout.write(rows.length > 1 ? table(rows) : 'no users yet: they come to exist with their first connection, or by `godwit user add`\n');
}

function row({ user, devices, online, lastSeenMs, createdAtMs }: AdminUser, nowMs: number): string[] {
  const seen = online ? 'online' : lastSeenMs === 0n ? 'never' : agoOrTime(Number(lastSeenMs), nowMs);
  return [user, String(devices), seen, agoOrTime(Number(createdAtMs), nowMs)];
}

function asAdmin(options: ServerOptions): { server: Server; token: string } {
  const server = findServer(options);
  return { server, token: server.token({ user: 'admin', admin: true }) };
}
