import { createHash } from 'node:crypto';
import { Code, create, EventSchema, feedConversation, FeedSchema, Flag, GroupChangeSchema, groupConversation, GroupNoticeSchema, limits, MessageSchema, toBinary, type Event } from 'godwit-schemas';
import { isUnavailable } from '../../broker/ports/availability.js';
import type { MembershipChange } from '../../broker/ports/conversation-log.js';
import type { CallInvitation, GroupCall, GroupRecord } from '../../broker/ports/groups.js';
import type { PluginContext } from '../../broker/ports/plugin.js';
import { refuse, unknownGroup, type Step } from './rules.js';

/** Who calls, and the id of the call; empty: it has none. */
export interface MadeCall {
  readonly by: string;
  readonly callId: Uint8Array;
}

/** The group after a change, and of whom it was not so before. */
export interface Changed {
  readonly record: GroupRecord;
  readonly users: readonly string[];
  /** The call is made again: this is what it did the first time. */
  readonly before?: GroupCall;
}

const NOBODY: MembershipChange = { joined: [], left: [] };

/**
 * Changes groups. A change is put into the group's record as an intent, if the record is still the one that it was made
 * of; then it is appended to the group's log, with who joins and leaves; then those are told in their feeds. Whoever
 * finds an intent that is not carried out, after a crash or beside another who is just at it, carries it out first: the
 * entries' ids follow from the change, so the log takes each once.
 */
export class GroupChanges {
  constructor(private readonly context: Pick<PluginContext, 'storage' | 'append' | 'forgetRoutes' | 'now'>) {}

  /**
   * @param ifRevision 0 = whatever it is
   * @param rule asked again when someone else was first
   * @returns the group after it; of a call that has changed it before: as it is now. @throws RefusedError what the rule throws; UNKNOWN_CONVERSATION, CONFLICT
   */
  async apply(call: MadeCall, group: string, ifRevision: bigint, rule: (record: GroupRecord) => Step | undefined | Promise<Step | undefined>): Promise<Changed> {
    const { groups } = this.context.storage;
    for (;;) {
      const record = (await groups.get(group)) ?? unknownGroup();
      if (record.intent) await this.finish(record);
      const done = doneBy(call, record);
      if (done) return { record, users: done.users, before: done };
      const step = await rule(record);
      if (ifRevision !== 0n && ifRevision !== BigInt(record.revision)) refuse(Code.CONFLICT, `the group has revision ${record.revision} by now`);
      if (!step) return { record, users: [] };
      const next = this.next({ ...record, ...step.changed }, step, call);
      if (await groups.put(next)) return { record: await this.finish(next), users: step.change?.users ?? [] };
    }
  }

  /** @returns undefined: there is a group of that id, which another call made. */
  async create(call: MadeCall, first: Omit<GroupRecord, 'revision' | 'intent'>, step: Step): Promise<Omit<Changed, 'users'> | undefined> {
    const record = this.next({ ...first, revision: 0, intent: undefined }, step, call);
    if (await this.context.storage.groups.put(record)) return { record: await this.finish(record) };
    return this.repeated(call, record.group);
  }

  /** What a call that is made again did the first time; undefined: it is not known to have changed this group. */
  async repeated(call: MadeCall, group: string): Promise<Required<Omit<Changed, 'users'>> | undefined> {
    const known = await this.context.storage.groups.get(group);
    const before = known && doneBy(call, known);
    return before && { record: await this.finish(known), before };
  }

  /** What a crash left. */
  async finishAll(): Promise<void> {
    const { groups } = this.context.storage;
    for (const group of await groups.unfinished()) {
      const record = await groups.get(group);
      if (record?.intent) await this.finish(record);
    }
  }

  private next(record: GroupRecord, { change, membership = NOBODY, invitation }: Step, call: MadeCall): GroupRecord {
    const revision = record.revision + 1;
    return { ...record, revision, calls: withCall(record, call, change?.users ?? [], invitation), intent: change && { change: create(GroupChangeSchema, { ...change, revision: BigInt(revision) }), membership, atMs: this.context.now() } };
  }

  private async finish(record: GroupRecord): Promise<GroupRecord> {
    const { group, intent, revision } = record;
    if (!intent) return record;
    const { storage, append, forgetRoutes } = this.context;
    const { change, membership } = intent;
    const id = idOf(`${group} ${revision}`, intent.atMs);
    const [entry] = await append([{ conversation: groupConversation(group), members: [], membership, id, message: messageOf(id, { case: 'group', value: change }) }]);
    forgetRoutes();
    const concerned = [...membership.joined, ...membership.left].filter((user) => user !== change.by);
    const notice = create(GroupNoticeSchema, { group, seq: BigInt(entry.seq), kind: change.kind, by: change.by, name: record.name });
    const message = messageOf(id, { case: 'feed', value: create(FeedSchema, { group: notice }) });
    await append(concerned.map((user) => ({ conversation: feedConversation(user), members: [user], id, message })));
    // It is done; a store that has just gone away hears of it when it is back, and nothing happens twice.
    await storage.groups.done(group, revision).catch((error) => (isUnavailable(error) ? undefined : Promise.reject(error)));
    return { ...record, intent: undefined };
  }
}

function doneBy({ by, callId }: MadeCall, { calls = [] }: GroupRecord): GroupCall | undefined {
  if (callId.length === 0) return undefined;
  const id = hashOf(callId);
  return calls.find((call) => call.id === id && call.by === by);
}

function withCall({ calls = [] }: GroupRecord, { by, callId }: MadeCall, users: readonly string[], invitation: CallInvitation | undefined): readonly GroupCall[] {
  if (callId.length === 0) return calls;
  const kept = [...calls, { by, id: hashOf(callId), users, ...(invitation && { invitation }) }];
  let named = kept.reduce((sum, call) => sum + namedIn(call), 0);
  while (kept.length > limits.groupCalls.value || (named > limits.groupMembers.value && kept.length > 1)) named -= namedIn(kept.shift()!);
  return kept;
}

function namedIn({ users, invitation }: GroupCall): number {
  return users.length + (invitation?.asked.length ?? 0);
}

function hashOf(callId: Uint8Array): string {
  return createHash('sha256').update(callId).digest('hex');
}

/** Of what happened, the same whoever carries it out: rising with time, as all ids do. */
export function idOf(what: string, atMs: number): Uint8Array {
  const id = createHash('sha256').update(what).digest().subarray(0, 16);
  id.writeUIntBE(atMs, 0, 6);
  return id;
}

/** What the server says itself: silently. */
export function messageOf(id: Uint8Array, kind: Event['kind']): Uint8Array {
  return toBinary(MessageSchema, create(MessageSchema, { id, flags: Flag.silent, event: create(EventSchema, { kind }) }));
}
