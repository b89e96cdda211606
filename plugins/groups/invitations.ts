import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Code, GroupChangeKind, limits, validGroupId } from 'godwit-schemas';
import type { CallInvitation, GroupRecord, InvitationRecord } from '../../broker/ports/groups.js';
import type { MadeCall } from './changes.js';
import { joining, may, memberOf, refuse, type Step } from './rules.js';

/** Seconds: 52 weeks. */
const LONGEST_S = 52 * 7 * 86_400;
const DAY_S = 86_400;

/** Of a secret. */
const SECRET_BYTES = 16;

/** Whoever has the token may join. */
export interface Invitation {
  readonly token: string;
  readonly invitation: InvitationRecord;
  /** As it is remembered with the call. */
  readonly made: CallInvitation;
}

/**
 * A token is the group's id, a dot, and a secret of 128 bits: only a hash of it is kept, and with the call what the
 * call's id opens, so that a repeat is answered with the same token.
 * @param asked who is told of it in their feeds
 */
export function newInvitation(group: string, { by, callId }: MadeCall, expiresInS: number, uses: number, nowMs: number, asked: readonly string[] = []): Invitation {
  if (expiresInS > LONGEST_S) refuse(Code.MALFORMED, `an invitation is good for at most ${LONGEST_S} s`);
  const secret = randomBytes(SECRET_BYTES);
  const id = randomBytes(6).toString('hex');
  const expiresAtMs = nowMs + (expiresInS || limits.invitationDays.value * DAY_S) * 1_000;
  return {
    token: tokenOf(group, secret),
    invitation: { id, hash: hashOf(secret.toString('base64url')), by, expiresAtMs, usesLeft: uses },
    made: { id, madeAtMs: nowMs, expiresAtMs, uses, sealed: sealed(secret, id, callId).toString('hex'), asked },
  };
}

/** The invitation that a call made before. */
export function madeBefore(group: string, { by, callId }: MadeCall, made: CallInvitation): Pick<Invitation, 'token' | 'made'> & { invitation: Omit<InvitationRecord, 'hash'> } {
  const { id, expiresAtMs, uses } = made;
  const secret = sealed(Buffer.from(made.sealed, 'hex'), id, callId);
  return { token: tokenOf(group, secret), invitation: { id, by, expiresAtMs, usesLeft: uses }, made };
}

/** A secret sealed, or opened again: each invitation has a pad of its own. */
function sealed(secret: Buffer, id: string, callId: Uint8Array): Buffer {
  const pad = createHmac('sha256', callId).update(`invitation ${id}`).digest();
  return Buffer.from(secret.map((byte, at) => byte ^ pad[at]));
}

function tokenOf(group: string, secret: Buffer): string {
  return `${group}.${secret.toString('base64url')}`;
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

export function invited(record: GroupRecord, by: string, { invitation, made }: Invitation, nowMs: number): Step {
  if (!may(record.mayAdd, memberOf(record, by))) refuse(Code.NOT_ALLOWED, 'only admins invite into this group');
  return { changed: { invitations: withInvitation(record.invitations, invitation, nowMs) }, invitation: made };
}

/** @throws RefusedError LIMIT_REACHED */
export function withInvitation(before: readonly InvitationRecord[], invitation: InvitationRecord, nowMs: number): InvitationRecord[] {
  const invitations = good(before, nowMs);
  if (invitations.length >= limits.groupInvitations.value) refuse(Code.LIMIT_REACHED, `a group has at most ${limits.groupInvitations.value} invitations: revoke some`);
  return [...invitations, invitation];
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
