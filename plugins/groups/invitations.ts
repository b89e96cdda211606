import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Code, GroupChangeKind, limits, validGroupId } from 'godwit-schemas';
import type { GroupRecord, InvitationRecord } from '../../broker/ports/groups.js';
import { joining, may, memberOf, refuse, type Step } from './rules.js';

/** Seconds: 52 weeks. */
const LONGEST_S = 52 * 7 * 86_400;
const DAY_S = 86_400;

/** A token is the group's id, a dot, and a secret of 128 bits: only a hash of it is kept. */
export function newInvitation(group: string, by: string, expiresInS: number, uses: number, nowMs: number): { token: string; invitation: InvitationRecord } {
  if (expiresInS > LONGEST_S) refuse(Code.MALFORMED, `an invitation is good for at most ${LONGEST_S} s`);
  const secret = randomBytes(16).toString('base64url');
  const lifeS = expiresInS || limits.invitationDays.value * DAY_S;
  return { token: `${group}.${secret}`, invitation: { id: randomBytes(6).toString('hex'), hash: hashOf(secret), by, expiresAtMs: nowMs + lifeS * 1_000, usesLeft: uses } };
}

/** @throws RefusedError MALFORMED */
export function readToken(token: string): { group: string; secret: string } {
  const dot = token.indexOf('.');
  const group = token.slice(0, Math.max(dot, 0));
  if (!validGroupId(group)) refuse(Code.MALFORMED, 'that is no token of an invitation');
  return { group, secret: token.slice(dot + 1) };
}

export function good(invitations: readonly InvitationRecord[], nowMs: number): InvitationRecord[] {
  return invitations.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
}

export function invited(record: GroupRecord, by: string, invitation: InvitationRecord, nowMs: number): Step {
  if (!may(record.mayAdd, memberOf(record, by))) refuse(Code.NOT_ALLOWED, 'only admins invite into this group');
  const invitations = good(record.invitations, nowMs);
  if (invitations.length >= limits.groupInvitations.value) refuse(Code.LIMIT_REACHED, `a group has at most ${limits.groupInvitations.value} invitations: revoke some`);
  return { changed: { invitations: [...invitations, invitation] } };
}

/** By admins, and by whoever made it. */
export function revoked(record: GroupRecord, by: string, id: string): Step | undefined {
  const member = memberOf(record, by);
  const known = record.invitations.find((one) => one.id === id);
  if (!known) return undefined;
  if (known.by !== by && !may(1, member)) refuse(Code.NOT_ALLOWED, 'only admins take back what another has invited');
  return { changed: { invitations: record.invitations.filter((one) => one !== known) } };
}

/** @param most members of a group */
export function joined(record: GroupRecord, user: string, secret: string, most: number, nowMs: number): Step | undefined {
  const hash = hashOf(secret);
  const invitation = good(record.invitations, nowMs).find((one) => timingSafeEqual(Buffer.from(one.hash), Buffer.from(hash)));
  if (!invitation) refuse(Code.NOT_ALLOWED, 'this invitation is not good any more');
  const step = joining(record, user, record.members.has(user) ? [] : [user], GroupChangeKind.JOINED, most, nowMs);
  if (!step || invitation.usesLeft === 0) return step;
  const rest = record.invitations.filter((one) => one !== invitation);
  const invitations = invitation.usesLeft > 1 ? [...rest, { ...invitation, usesLeft: invitation.usesLeft - 1 }] : rest;
  return { ...step, changed: { ...step.changed, invitations } };
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
