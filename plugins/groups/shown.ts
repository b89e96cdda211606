import { create, GroupInvitationSchema, GroupMemberSchema, GroupSchema, GroupSummarySchema, type Group, type GroupInvitation, type GroupSummary } from 'godwit-schemas';
import type { GroupRecord, InvitationRecord } from '../../broker/ports/groups.js';
import { memberOf, settingsOf } from './rules.js';

export function shownGroup(record: GroupRecord): Group {
  const { group, revision, createdAtMs, members } = record;
  return create(GroupSchema, {
    group,
    revision: BigInt(revision),
    settings: settingsOf(record),
    createdAtMs: BigInt(createdAtMs),
    members: Array.from(members, ([user, { role, joinedAtMs }]) => create(GroupMemberSchema, { user, role, joinedAtMs: BigInt(joinedAtMs) })),
  });
}

/** undefined: a call is made again by someone who has left since, and is not shown what became of the group. */
export function shownTo(user: string, record: GroupRecord): Group | undefined {
  return record.members.has(user) ? shownGroup(record) : undefined;
}

export function summaryOf(record: GroupRecord, user: string): GroupSummary {
  const { group, revision, name, picture, members } = record;
  return create(GroupSummarySchema, { group, revision: BigInt(revision), name, picture, members: members.size, role: memberOf(record, user).role });
}

export function shownInvitation({ id, by, expiresAtMs, usesLeft }: Omit<InvitationRecord, 'hash'>): GroupInvitation {
  return create(GroupInvitationSchema, { invitation: id, by, expiresAtMs: BigInt(expiresAtMs), usesLeft });
}
