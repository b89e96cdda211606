import { createHash } from 'node:crypto';
import { Code, createUlid, GroupChangeKind, GroupPermission, GroupRole, groupConversation, limits, ulidToString, validGroupId, validUserId, type GroupSettings, type RequestOf } from 'godwit-schemas';
import { isUnavailable } from '../../broker/ports/availability.js';
import type { GroupRecord, InvitationRecord } from '../../broker/ports/groups.js';
import type { Caller, LogRoute, Plugin, PluginContext, Refusal } from '../../broker/ports/plugin.js';
import { ask, asking, newcomers } from './adding.js';
import { GroupChanges, type Changed, type MadeCall } from './changes.js';
import { good, invited, joined, madeBefore, newInvitation, readToken, revoked, type Invitation } from './invitations.js';
import { added, deleted, demoted, joining, leaving, may, memberOf, promoted, refuse, removed, removing, settingsOf, transferred, unknownGroup, updated, type Step } from './rules.js';
import { shownGroup, shownInvitation, shownTo, summaryOf } from './shown.js';

const NO_GROUP: Refusal = { code: Code.UNKNOWN_CONVERSATION, text: 'there is no such group of yours' };
const ADMINS_SEND: Refusal = { code: Code.NOT_ALLOWED, text: 'only admins send to this group' };

export interface GroupsOptions {
  /** Members of a group at most. */
  mostMembers: number;
}

/** Groups: publishes to `group/<group>`, and the control calls that make and change them. */
export function groupsPlugin({ mostMembers }: GroupsOptions): Plugin {
  let context: PluginContext;
  let changes: GroupChanges;
  const newId = createUlid();

  async function route(caller: Caller, group: string): Promise<LogRoute | Refusal> {
    const { groups, log } = context.storage;
    const record = await groups.get(group);
    const member = record?.members.get(caller.user);
    const there = { conversation: groupConversation(group), members: [] };
    if (record && member) return may(record.maySend, member) ? there : ADMINS_SEND;
    // What they wrote while they were in it, and send again because nobody answered, has its place: the log knows, and takes nothing new.
    return (await log.windowsOf(there.conversation, caller.user)).length > 0 ? there : NO_GROUP;
  }

  async function create({ user }: Caller, request: RequestOf<'groups.create'>, callId: Uint8Array): Promise<{ group: ReturnType<typeof shownTo>; invited: string[] }> {
    const settings = checkSettings(request.settings);
    if (!settings?.name) refuse(Code.MALFORMED, 'a group needs a name');
    const others = checkUsers(request.members).filter((member) => member !== user);
    const group = request.group || (callId.length > 0 ? idOfCall(user, callId) : ulidToString(newId()));
    if (!validGroupId(group)) refuse(Code.MALFORMED, 'a group id is 1 to 64 of A-Z a-z 0-9 _ -');
    const call = { by: user, callId };
    const repeated = await changes.repeated(call, group);
    if (repeated) return { group: shownTo(user, repeated.record), invited: await askAll(call, repeated, undefined) };
    const news = await newcomers(context, user, [user, ...others]);
    const users = news.added.filter((member) => member !== user);
    const now = context.now();
    const empty = { group, name: '', description: '', picture: '', maySend: GroupPermission.EVERYONE, mayEdit: GroupPermission.EVERYONE, mayAdd: GroupPermission.EVERYONE, ...settings, createdAtMs: now, members: new Map(), invitations: [] as InvitationRecord[] };
    const asks = news.asked.length > 0 ? asking(empty, call, news, now) : undefined;
    if (asks) empty.invitations = asks.invitations;
    const { changed } = joining({ ...empty, revision: 0, intent: undefined }, user, [user, ...users], GroupChangeKind.CREATED, mostMembers, now)!;
    const first = { ...empty, ...changed };
    first.members = new Map([...first.members].map(([name, member]) => [name, name === user ? { ...member, role: GroupRole.CREATOR } : member]));
    const membership = { joined: [user, ...users], left: [] };
    const change = { kind: GroupChangeKind.CREATED, by: user, users: membership.joined, settings: settingsOf({ ...first, revision: 1, intent: undefined }) };
    const made = await changes.create(call, first, { changed: {}, change, membership, ...(asks && { invitation: asks.asks.made }) });
    if (made) return { group: shownTo(user, made.record), invited: await askAll(call, made, asks?.asks) };
    // The first answer may have been that the store is away.
    const known = await context.storage.groups.get(group);
    const same = known?.revision === 1 && known.name === first.name && [...known.members.keys()].join() === membership.joined.join();
    if (known?.members.get(user)?.role !== GroupRole.CREATOR || !same) refuse(Code.CONFLICT, 'there is a group of that id');
    return { group: shownTo(user, (await changes.apply(call, group, 0n, () => undefined)).record), invited: others.filter((member) => !known.members.has(member)) };
  }

  /** What a crash left, or a store that went away: while that is away, it is done when it is back. */
  async function carryOut(): Promise<void> {
    try {
      await changes.finishAll();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  }

  async function change(call: MadeCall, group: string, revision: bigint, rule: (record: GroupRecord) => Step | undefined | Promise<Step | undefined>): Promise<{ group: ReturnType<typeof shownTo> }> {
    return { group: shownTo(call.by, (await changes.apply(call, group, revision, rule)).record) };
  }

  /** @param step of these users; which of them it is not so of yet, the change says */
  async function changeMembers(call: MadeCall, { group, revision, users }: Pick<RequestOf<'groups.add'>, 'group' | 'revision' | 'users'>, step: (record: GroupRecord, users: readonly string[]) => Step | undefined | Promise<Step | undefined>): Promise<Omit<Changed, 'users'> & { group: ReturnType<typeof shownTo>; changed: readonly string[] }> {
    const named = checkUsers(users);
    if (named.length === 0) refuse(Code.MALFORMED, 'users are needed');
    const { users: changed, ...rest } = await changes.apply(call, group, revision, (known) => step(known, named));
    return { ...rest, group: shownTo(call.by, rest.record), changed };
  }

  async function add({ user }: Caller, request: RequestOf<'groups.add'>, callId: Uint8Array): Promise<{ group: ReturnType<typeof shownTo>; changed: readonly string[]; invited: string[] }> {
    const call = { by: user, callId };
    let asks: Invitation | undefined;
    const { record, before, ...answer } = await changeMembers(call, request, async (known, users) => {
      if (!may(known.mayAdd, memberOf(known, user))) refuse(Code.NOT_ALLOWED, 'only admins add to this group');
      const news = await newcomers(context, user, users.filter((member) => !known.members.has(member)));
      const step = added(known, user, news.added, mostMembers, context.now());
      asks = undefined;
      if (news.asked.length === 0) return step;
      const { invitations, ...made } = asking(known, call, news, context.now());
      asks = made.asks;
      return { ...step, changed: { ...step?.changed, invitations }, invitation: asks.made };
    });
    return { ...answer, invited: await askAll(call, { record, before }, asks) };
  }

  /** Tells who is asked first; of a call that is made again, those of the first time. @returns them */
  async function askAll(call: MadeCall, { record, before }: Omit<Changed, 'users'>, now: Invitation | undefined): Promise<string[]> {
    const first = before?.invitation && madeBefore(record.group, call, before.invitation);
    const asks = before ? first : now;
    if (asks) await ask(context, record, call.by, asks);
    return [...(asks?.made.asked ?? [])];
  }

  async function invite({ user }: Caller, { group, expiresInS, uses }: RequestOf<'groups.invite'>, callId: Uint8Array): Promise<{ token: string; invitation: ReturnType<typeof shownInvitation> }> {
    const call = { by: user, callId };
    const invitation = newInvitation(group, call, expiresInS, uses, context.now());
    const { before } = await changes.apply(call, group, 0n, (record) => invited(record, user, invitation, context.now()));
    if (before && !before.invitation) refuse(Code.CONFLICT, 'this call id was used for another call');
    const made = before?.invitation ? madeBefore(group, call, before.invitation) : invitation;
    return { token: made.token, invitation: shownInvitation(made.invitation) };
  }

  async function list({ user }: Caller, { after, limit }: RequestOf<'groups.list'>): Promise<{ groups: ReturnType<typeof summaryOf>[]; more: boolean }> {
    if (after !== '' && !validGroupId(after)) refuse(Code.MALFORMED, 'after must be a group id');
    const page = Math.min(limit || limits.groupsPage.value, limits.groupsPage.value);
    const names = await context.storage.groups.ofUser(user, after, page + 1);
    const records = await Promise.all(names.slice(0, page).map((group) => context.storage.groups.get(group)));
    return { groups: records.flatMap((record) => (record?.members.has(user) ? [summaryOf(record, user)] : [])), more: names.length > page };
  }

  /** @throws RefusedError UNKNOWN_CONVERSATION */
  async function mine(user: string, group: string): Promise<GroupRecord> {
    const record = (await context.storage.groups.get(group)) ?? unknownGroup();
    memberOf(record, user);
    return record;
  }

  return {
    name: 'groups',
    start(given) {
      context = given;
      changes = new GroupChanges(given);
      // Of a change that was under way when the store went away, nobody knows how far it came.
      given.storage.remote?.onReturn(() => void carryOut().catch((error) => given.log.error({ err: error }, 'changes of groups could not be carried out')));
      return carryOut();
    },
    async userRemoved(user) {
      const page = limits.groupsPage.value;
      for (let names = await context.storage.groups.ofUser(user, '', page); names.length > 0; names = await context.storage.groups.ofUser(user, '', page)) {
        for (const group of names) await changes.apply({ by: user, callId: new Uint8Array(0) }, group, 0n, (record) => removing(record, user));
      }
    },
    route: (caller, topic) => (topic.kind === 'group' ? route(caller, topic.group) : undefined),
    methods: {
      'groups.create': create,
      'groups.get': async ({ user }, { group }: RequestOf<'groups.get'>) => ({ group: shownGroup(await mine(user, group)) }),
      'groups.list': list,
      'groups.update': ({ user }, { group, revision, $typeName: _, $unknown: __, ...settings }: RequestOf<'groups.update'>, callId) => change({ by: user, callId }, group, revision, (record) => updated(record, user, checkSettings(settings)!)),
      'groups.add': add,
      'groups.remove': ({ user }, request: RequestOf<'groups.remove'>, callId) => changeMembers({ by: user, callId }, request, (record, users) => removed(record, user, users)),
      'groups.promote': ({ user }, request: RequestOf<'groups.promote'>, callId) => changeMembers({ by: user, callId }, request, (record, users) => promoted(record, user, users)),
      'groups.demote': ({ user }, request: RequestOf<'groups.demote'>, callId) => changeMembers({ by: user, callId }, request, (record, users) => demoted(record, user, users)),
      'groups.leave': async ({ user }, { group }: RequestOf<'groups.leave'>, callId) => {
        await changes.apply({ by: user, callId }, group, 0n, (record) => leaving(record, user));
        return {};
      },
      'groups.transfer': ({ user }, { group, revision, user: to }: RequestOf<'groups.transfer'>, callId) => change({ by: user, callId }, group, revision, (record) => transferred(record, user, to)),
      'groups.delete': async ({ user }, { group, revision }: RequestOf<'groups.delete'>, callId) => {
        await changes.apply({ by: user, callId }, group, revision, (record) => deleted(record, user));
        return {};
      },
      'groups.invite': invite,
      'groups.invitations': async ({ user }, { group }: RequestOf<'groups.invitations'>) => {
        const record = await mine(user, group);
        if (!may(record.mayAdd, memberOf(record, user))) refuse(Code.NOT_ALLOWED, 'only admins see the invitations of this group');
        return { invitations: good(record.invitations, context.now()).map(shownInvitation) };
      },
      'groups.revoke': async ({ user }, { group, invitation }: RequestOf<'groups.revoke'>, callId) => {
        let known = false;
        const { before } = await changes.apply({ by: user, callId }, group, 0n, (record) => {
          const step = revoked(record, user, invitation);
          known = step !== undefined;
          return step;
        });
        return { revoked: known || before !== undefined };
      },
      'groups.join': async ({ user }, { token }: RequestOf<'groups.join'>, callId) => {
        const { group, secret } = readToken(token);
        // Who has no good token is not told whether there is such a group.
        if (!(await context.storage.groups.get(group))) refuse(Code.NOT_ALLOWED, 'this invitation is not good any more');
        return change({ by: user, callId }, group, 0n, async (record) => {
          await newcomers(context, user, [user]);
          return joined(record, user, secret, mostMembers, context.now());
        });
      },
    },
  };
}

/** Of a call that is made again after the server has forgotten it: the same group. */
function idOfCall(user: string, callId: Uint8Array): string {
  return createHash('sha256').update(`${user} `).update(callId).digest('base64url').slice(0, 26);
}

/** What of the settings is there. @throws RefusedError */
function checkSettings(given: Partial<GroupSettings> | undefined): Partial<Pick<GroupRecord, 'name' | 'description' | 'picture' | 'maySend' | 'mayEdit' | 'mayAdd'>> | undefined {
  if (!given) return undefined;
  const { name, description, picture, maySend, mayEdit, mayAdd } = given;
  if (name !== undefined && name.trim() === '') refuse(Code.MALFORMED, 'a group needs a name');
  for (const [what, text, most] of [['name', name, limits.groupNameBytes], ['description', description, limits.groupDescriptionBytes], ['picture', picture, limits.groupPictureBytes]] as const) {
    if (text !== undefined && Buffer.byteLength(text) > most.value) refuse(Code.TOO_LARGE, `the ${what} of a group has at most ${most.value} bytes`);
  }
  for (const permission of [maySend, mayEdit, mayAdd]) {
    if (permission !== undefined && !(permission in GroupPermission)) refuse(Code.MALFORMED, 'a permission is EVERYONE or ADMINS');
  }
  return Object.fromEntries(Object.entries({ name, description, picture, maySend, mayEdit, mayAdd }).filter(([, value]) => value !== undefined));
}

/** Each of them once. @throws RefusedError */
function checkUsers(users: readonly string[]): string[] {
  for (const user of users) if (!validUserId(user)) refuse(Code.MALFORMED, 'users are user ids');
  return [...new Set(users)];
}
