import { Code, create, feedConversation, FeedSchema, GroupInviteSchema, limits } from 'godwit-schemas';
import type { GroupRecord, InvitationRecord } from '../../broker/ports/groups.js';
import type { PluginContext } from '../../broker/ports/plugin.js';
import { idOf, messageOf, type MadeCall } from './changes.js';
import { newInvitation, withInvitation, type Invitation } from './invitations.js';
import { refuse } from './rules.js';

/** Who is added, and who is asked first. */
export interface Newcomers {
  readonly added: readonly string[];
  readonly asked: readonly string[];
}

/** @throws RefusedError where one of them cannot be in one more group, or does not let `by` have them in one */
export async function newcomers({ storage, mayReach }: PluginContext, by: string, users: readonly string[]): Promise<Newcomers> {
  const { directory, groups } = storage;
  const [added, asked]: string[][] = [[], []];
  for (const user of users) {
    if (!(await directory.user(user))) refuse(Code.UNKNOWN_USER, `there is no user ${user}`);
    if ((await groups.countOf(user)) >= limits.groupsOfUser.value) refuse(Code.LIMIT_REACHED, `${user} is in ${limits.groupsOfUser.value} groups`);
    const refusal = user === by ? undefined : await mayReach(by, user, 'invite');
    if (refusal) refuse(refusal.code, `${user}: ${refusal.text}`);
    if (user !== by && (await mayReach(by, user, 'group'))) asked.push(user);
    else added.push(user);
  }
  return { added, asked };
}

/** One invitation for those who are asked, and the group's with it. @throws RefusedError LIMIT_REACHED */
export function asking({ group, invitations }: Pick<GroupRecord, 'group' | 'invitations'>, call: MadeCall, { asked }: Newcomers, nowMs: number): { asks: Invitation; invitations: InvitationRecord[] } {
  const asks = newInvitation(group, call, 0, asked.length, nowMs, asked);
  return { asks, invitations: withInvitation(invitations, asks.invitation, nowMs) };
}

/** Tells them in their feeds. Told again, of a call that is made again, it is the same entry: the log takes it once. */
export async function ask({ append }: PluginContext, { group, name }: Pick<GroupRecord, 'group' | 'name'>, by: string, { token, made }: Pick<Invitation, 'token' | 'made'>): Promise<void> {
  const id = idOf(`${group} ${made.id}`, made.madeAtMs);
  const message = messageOf(id, { case: 'feed', value: create(FeedSchema, { invite: create(GroupInviteSchema, { group, name, by, token }) }) });
  await append(made.asked.map((user) => ({ conversation: feedConversation(user), members: [user], id, message })));
}
