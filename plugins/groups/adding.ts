import { Code, create, createUlid, EventSchema, feedConversation, FeedSchema, Flag, GroupInviteSchema, limits, MessageSchema, toBinary } from 'godwit-schemas';
import type { GroupRecord, InvitationRecord } from '../../broker/ports/groups.js';
import type { PluginContext } from '../../broker/ports/plugin.js';
import { good, newInvitation } from './invitations.js';
import { refuse } from './rules.js';

const newId = createUlid();

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
export function asking({ group, invitations: before }: Pick<GroupRecord, 'group' | 'invitations'>, by: string, { asked }: Newcomers, nowMs: number): { token: string; invitations: InvitationRecord[] } {
  const { token, invitation } = newInvitation(group, by, 0, asked.length, nowMs);
  const invitations = good(before, nowMs);
  if (invitations.length >= limits.groupInvitations.value) refuse(Code.LIMIT_REACHED, `a group has at most ${limits.groupInvitations.value} invitations: revoke some`);
  return { token, invitations: [...invitations, invitation] };
}

/** Tells them in their feeds. */
export async function ask({ append }: PluginContext, { group, name }: Pick<GroupRecord, 'group' | 'name'>, by: string, asked: readonly string[], token: string): Promise<void> {
  const id = newId();
  const feed = create(FeedSchema, { invite: create(GroupInviteSchema, { group, name, by, token }) });
  const message = toBinary(MessageSchema, create(MessageSchema, { id, flags: Flag.silent, event: create(EventSchema, { kind: { case: 'feed', value: feed } }) }));
  await append(asked.map((user) => ({ conversation: feedConversation(user), members: [user], id, message })));
}
