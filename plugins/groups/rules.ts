import { Code, create, GroupChangeKind, GroupPermission, GroupRole, GroupSettingsSchema, type GroupChangeSchema, type GroupSettings, type MessageInitShape } from 'godwit-schemas';
import type { MembershipChange } from '../../broker/ports/conversation-log.js';
import type { CallInvitation, GroupMemberRecord, GroupRecord } from '../../broker/ports/groups.js';
import { RefusedError } from '../../broker/ports/plugin.js';

/** What a rule makes of a group; undefined: it is so already. */
export interface Step {
  readonly changed: Partial<GroupRecord>;
  /** What the log says of it; left out: nobody is told. */
  readonly change?: MessageInitShape<typeof GroupChangeSchema>;
  readonly membership?: MembershipChange;
  /** What is remembered with the call. */
  readonly invitation?: CallInvitation;
}

const NOBODY: readonly string[] = [];

/** @throws RefusedError */
export function refuse(code: Code, text: string): never {
  throw new RefusedError({ code, text });
}

export function unknownGroup(): never {
  return refuse(Code.UNKNOWN_CONVERSATION, 'there is no such group of yours');
}

export function settingsOf({ name, description, picture, maySend, mayEdit, mayAdd }: GroupRecord): GroupSettings {
  return create(GroupSettingsSchema, { name, description, picture, maySend, mayEdit, mayAdd });
}

/** @throws RefusedError UNKNOWN_CONVERSATION where the user is no member: they are not told whether there is such a group */
export function memberOf({ members }: GroupRecord, user: string): GroupMemberRecord {
  return members.get(user) ?? unknownGroup();
}

export function may(permission: GroupPermission, { role }: GroupMemberRecord): boolean {
  return permission === GroupPermission.EVERYONE || role !== GroupRole.MEMBER;
}

export function updated(record: GroupRecord, by: string, settings: Partial<Pick<GroupRecord, 'name' | 'description' | 'picture' | 'maySend' | 'mayEdit' | 'mayAdd'>>): Step | undefined {
  if (!may(record.mayEdit, memberOf(record, by))) refuse(Code.NOT_ALLOWED, 'only admins change this group');
  const next = { ...record, ...settings };
  if (Object.entries(settings).every(([key, value]) => record[key as keyof GroupRecord] === value)) return undefined;
  return { changed: settings, change: { kind: GroupChangeKind.UPDATED, by, settings: settingsOf(next) } };
}

/** @param most members of a group */
export function added(record: GroupRecord, by: string, users: readonly string[], most: number, nowMs: number): Step | undefined {
  if (!may(record.mayAdd, memberOf(record, by))) refuse(Code.NOT_ALLOWED, 'only admins add to this group');
  return joining(record, by, users.filter((user) => !record.members.has(user)), GroupChangeKind.ADDED, most, nowMs);
}

export function joining(record: GroupRecord, by: string, joined: readonly string[], kind: GroupChangeKind, most: number, nowMs: number): Step | undefined {
  if (joined.length === 0) return undefined;
  if (record.members.size + joined.length > most) refuse(Code.LIMIT_REACHED, `a group has at most ${most} members`);
  const members = new Map(record.members);
  for (const user of joined) members.set(user, { role: GroupRole.MEMBER, joinedAtMs: nowMs });
  return { changed: { members }, change: { kind, by, users: [...joined] }, membership: { joined, left: NOBODY } };
}

export function removed(record: GroupRecord, by: string, users: readonly string[]): Step | undefined {
  const mine = memberOf(record, by);
  if (mine.role === GroupRole.MEMBER) refuse(Code.NOT_ALLOWED, 'only admins remove members');
  const left = users.filter((user) => record.members.has(user));
  if (left.includes(by)) refuse(Code.MALFORMED, 'whoever goes leaves: groups.leave');
  for (const user of left) if (record.members.get(user)!.role >= mine.role) refuse(Code.NOT_ALLOWED, 'only the creator removes admins');
  if (left.length === 0) return undefined;
  return { changed: { members: without(record, left) }, change: { kind: GroupChangeKind.REMOVED, by, users: left }, membership: { joined: NOBODY, left } };
}

/** After its creator comes the admin of the longest standing, else the member; after the last one the group ends. */
export function leaving(record: GroupRecord, user: string): Step {
  const { role } = memberOf(record, user);
  const members = without(record, [user]);
  const membership = { joined: NOBODY, left: [user] };
  if (members.size === 0) return { changed: { members, invitations: [] }, change: { kind: GroupChangeKind.ENDED, by: user, users: [user] }, membership };
  const change = { kind: GroupChangeKind.LEFT, by: user, users: [user] };
  if (role !== GroupRole.CREATOR) return { changed: { members }, change, membership };
  const successor = ([...members].find(([, member]) => member.role === GroupRole.ADMIN) ?? [...members][0])[0];
  members.set(successor, { ...members.get(successor)!, role: GroupRole.CREATOR });
  return { changed: { members }, change: { ...change, role: GroupRole.CREATOR, successor }, membership };
}

/** They are gone for good, and so are their invitations; undefined: they have left already. */
export function removing(record: GroupRecord, user: string): Step | undefined {
  if (!record.members.has(user)) return undefined;
  const step = leaving(record, user);
  return { ...step, changed: { invitations: record.invitations.filter(({ by }) => by !== user), ...step.changed } };
}

export function promoted(record: GroupRecord, by: string, users: readonly string[]): Step | undefined {
  if (memberOf(record, by).role === GroupRole.MEMBER) refuse(Code.NOT_ALLOWED, 'only admins make admins');
  return withRole(record, by, users, GroupRole.MEMBER, GroupRole.ADMIN);
}

export function demoted(record: GroupRecord, by: string, users: readonly string[]): Step | undefined {
  const { role } = memberOf(record, by);
  if (role !== GroupRole.CREATOR && users.some((user) => user !== by)) refuse(Code.NOT_ALLOWED, 'only the creator takes an admin back, or the admin themselves');
  return withRole(record, by, users, GroupRole.ADMIN, GroupRole.MEMBER);
}

export function transferred(record: GroupRecord, by: string, user: string): Step | undefined {
  const mine = memberOf(record, by);
  if (mine.role !== GroupRole.CREATOR) refuse(Code.NOT_ALLOWED, 'only the creator hands a group over');
  if (user === by) return undefined;
  const theirs = record.members.get(user) ?? refuse(Code.UNKNOWN_USER, 'they are no member of this group');
  const members = new Map(record.members);
  members.set(by, { ...mine, role: GroupRole.ADMIN });
  members.set(user, { ...theirs, role: GroupRole.CREATOR });
  return { changed: { members }, change: { kind: GroupChangeKind.ROLE_SET, by, users: [user], role: GroupRole.CREATOR } };
}

export function deleted(record: GroupRecord, by: string): Step {
  if (memberOf(record, by).role !== GroupRole.CREATOR) refuse(Code.NOT_ALLOWED, 'only the creator ends a group');
  const left = [...record.members.keys()];
  return { changed: { members: new Map(), invitations: [] }, change: { kind: GroupChangeKind.ENDED, by, users: left }, membership: { joined: NOBODY, left } };
}

function withRole(record: GroupRecord, by: string, users: readonly string[], from: GroupRole, to: GroupRole): Step | undefined {
  for (const user of users) if (!record.members.has(user)) refuse(Code.UNKNOWN_USER, `${user} is no member of this group`);
  const moved = users.filter((user) => record.members.get(user)!.role === from);
  if (moved.length === 0) return undefined;
  const members = new Map(record.members);
  for (const user of moved) members.set(user, { ...members.get(user)!, role: to });
  return { changed: { members }, change: { kind: GroupChangeKind.ROLE_SET, by, users: moved, role: to } };
}

function without({ members }: GroupRecord, users: readonly string[]): Map<string, GroupMemberRecord> {
  const left = new Map(members);
  for (const user of users) left.delete(user);
  return left;
}
