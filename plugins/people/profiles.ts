import { Code, limits, validUserId, type MessageInitShape, type ProfileSchema, type RequestOf } from 'godwit-schemas';
import type { Caller, Identity, PluginContext } from '../../broker/ports/plugin.js';
import type { ProfileRecord } from '../../broker/ports/profiles.js';
import { refuse } from './refuse.js';

type Shown = MessageInitShape<typeof ProfileSchema>;

const MOST = { name: limits.profileNameBytes.value, about: limits.profileAboutBytes.value, picture: limits.profilePictureBytes.value };

/** @throws RefusedError */
export async function getProfiles({ storage }: PluginContext, { user: caller }: Caller, { users }: RequestOf<'profile.get'>): Promise<{ profiles: Shown[] }> {
  const { directory, profiles, relations } = storage;
  if (users.length > limits.profilesOfCall.value) refuse(Code.TOO_LARGE, `at most ${limits.profilesOfCall.value} users a call`);
  if (!users.every(validUserId)) refuse(Code.MALFORMED, 'users are user ids');
  const found: Shown[] = [];
  for (const user of users.length === 0 ? [caller] : new Set(users)) {
    if (user !== caller && !(await directory.user(user))) continue;
    const seesPhone = user === caller || (await relations.has(user, 'contact', caller));
    found.push(shown(user, await profiles.get(user), seesPhone));
  }
  return { profiles: found };
}

/** @throws RefusedError */
export async function setProfile({ storage, now }: PluginContext, { user }: Caller, { name, about, picture }: RequestOf<'profile.set'>): Promise<{ profile: Shown }> {
  const changes = { ...(name !== undefined && { name }), ...(about !== undefined && { about }), ...(picture !== undefined && { picture }) };
  for (const [what, text] of Object.entries(changes)) {
    const most = MOST[what as keyof typeof MOST];
    if (Buffer.byteLength(text) > most) refuse(Code.TOO_LARGE, `${what} has at most ${most} bytes`);
  }
  if (!(await storage.directory.user(user))) refuse(Code.UNKNOWN_USER, 'who has never connected has no profile');
  return { profile: shown(user, await storage.profiles.set(user, changes, now()), true) };
}

/** The number that a token proves, if it is news. */
export async function takePhone({ storage, log, now }: PluginContext, { user, phone, issuedAtMs = 0 }: Identity): Promise<void> {
  if (phone === undefined) return;
  const known = await storage.profiles.get(user);
  const isOld = known?.phone === phone ? known.phoneAtMs >= issuedAtMs : known !== undefined && known.phoneAtMs > issuedAtMs;
  if (isOld || !(await storage.directory.user(user))) return;
  if (!(await storage.profiles.setPhone(user, phone, issuedAtMs, now()))) log.info({ user }, 'a phone number was not taken over: another user proved it later');
}

function shown(user: string, record: ProfileRecord | undefined, seesPhone: boolean): Shown {
  if (!record) return { user };
  const { name, about, picture, phone, changedAtMs } = record;
  return { user, name, about, picture, phoneNumber: seesPhone ? phone : '', changedAtMs: BigInt(changedAtMs) };
}
