import { Code, GroupChangeKind } from 'godwit-schemas';
import type { DeviceHistory, History } from '../history.js';
import type { GroupMethod, Written } from '../journal.js';
import type { Finding } from './finding.js';
import type { Membership, SeenChange } from './membership.js';

type Answer = Extract<Written, { what: 'answered' }>;

/** A control call, however often it was made. */
interface Call {
  id: string;
  device: DeviceHistory;
  method: GroupMethod;
  group: string;
  users: string[];
  answers: Answer[];
}

const kinds: Record<GroupMethod, readonly GroupChangeKind[]> = {
  'groups.create': [GroupChangeKind.CREATED],
  'groups.add': [GroupChangeKind.ADDED],
  'groups.remove': [GroupChangeKind.REMOVED],
  'groups.promote': [GroupChangeKind.ROLE_SET],
  'groups.leave': [GroupChangeKind.LEFT, GroupChangeKind.ENDED],
};

/**
 * Every change in the log is of one call, and of every call that was answered with "done" there is one change, however
 * often it was made: also across connections and restarts, and also where two change a group at once.
 */
export function checkCalls(history: History, membership: Membership, found: (finding: Finding) => void): void {
  const calls = callsOf(history);
  for (const call of calls) checkAnswers(call, found);
  for (const [conversation, changes] of membership.changes) {
    const here = calls.filter(({ group }) => `g:${group}` === conversation);
    for (const change of unmatched(changes, here, (change, call) => fits(call, change))) {
      const text = `change ${change.revision} of ${conversation}, ${GroupChangeKind[change.kind]} ${change.users.join()} by ${change.by}, was asked for by no call, or was made twice by one`;
      found({ kind: 'repeated', text, conversation, seq: change.seq });
    }
    for (const { id, device, method, users } of unmatched(here.filter(isDone), changes, fits)) {
      found({ kind: 'lost', text: `${device.clientId}: ${method} ${users.join()} (${id}) was answered as done, and no change of ${conversation} is it`, conversation, clientId: device.clientId });
    }
  }
}

function callsOf(history: History): Call[] {
  return history.flatMap((device) => {
    const calls = new Map<string, Call>();
    for (const entry of device.entries) {
      if (entry.what === 'calling' && !calls.has(entry.call)) calls.set(entry.call, { id: entry.call, device, method: entry.method, group: entry.group, users: entry.users, answers: [] });
      else if (entry.what === 'answered') calls.get(entry.call)!.answers.push(entry);
    }
    return [...calls.values()];
  });
}

/** What was done is answered so from then on. (The revision is the group's of then or of now.) What was not may be done by a repeat. */
function checkAnswers(call: Call, found: (finding: Finding) => void): void {
  const { id, device, method, group, answers } = call;
  const from = answers.findIndex((answer) => did(call, answer));
  if (from < 0) return;
  const [first, ...others] = answers.slice(from).map(({ code, changed }) => `${Code[code]} ${changed.join()}`.trim());
  for (const other of others) {
    if (other !== first) found({ kind: 'repeated', text: `${device.clientId}: ${method} of ${group} (${id}) was answered with "${first}", and again with "${other}"`, conversation: `g:${group}`, clientId: device.clientId });
  }
}

/** It was answered, and something changed by it. */
function isDone(call: Call): boolean {
  return call.answers.some((answer) => did(call, answer));
}

function did({ method }: Call, { code, changed }: Answer): boolean {
  return code === Code.OK && (changed.length > 0 || method === 'groups.create' || method === 'groups.leave');
}

function fits(call: Call, { by, kind, users, revision }: SeenChange): boolean {
  if (by !== call.device.user || !kinds[call.method].includes(kind)) return false;
  if (call.answers.length === 0) return call.users.length === 0 || users.every((user) => user === by || call.users.includes(user));
  const done = call.answers.find((answer) => did(call, answer));
  if (!done || (done.revision > 0 && done.revision < revision)) return false;
  const { changed } = done;
  return changed.length === 0 || changed.join() === users.join();
}

/** Those of one side that find no partner of their own on the other (augmenting paths: Kuhn 1955). */
function unmatched<A, B>(ones: readonly A[], others: readonly B[], fit: (one: A, other: B) => boolean): A[] {
  const partner = new Map<B, A>();
  const find = (one: A, tried: Set<B>): boolean => {
    for (const other of others) {
      if (tried.has(other) || !fit(one, other)) continue;
      tried.add(other);
      const before = partner.get(other);
      if (before !== undefined && !find(before, tried)) continue;
      partner.set(other, one);
      return true;
    }
    return false;
  };
  return ones.filter((one) => !find(one, new Set()));
}
