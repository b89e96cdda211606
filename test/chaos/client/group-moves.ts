import type { GroupMethod } from '../journal.js';
import type { DevicePlan } from '../plan.js';
import { between, type Random } from '../seeded.js';

/** A control call that changes a group: what is asked for, of which users. */
export interface GroupMove {
  method: GroupMethod;
  group: string;
  users: string[];
}

/** What a device asks for at random: members are added and removed, leave and come again; admins race. undefined: nothing. */
export function nextMove({ user, groups }: DevicePlan, random: Random): GroupMove | undefined {
  const { group, creator, admins, people } = random.pick(groups);
  const others = people.filter((one) => one !== user);
  const some = (most: number): string[] => [...new Set(Array.from({ length: between(random, 1, most) }, () => random.pick(others)))];
  const dice = random.next();
  if (dice < 0.4) return { method: 'groups.add', group, users: some(3) };
  if (user !== creator && !admins.includes(user)) return dice < 0.55 ? { method: 'groups.leave', group, users: [] } : undefined;
  // An admin who was removed and is back is a member, until the creator sees to it.
  if (dice < 0.5) return { method: 'groups.promote', group, users: [random.pick(admins)] };
  if (dice < 0.55 && user !== creator) return { method: 'groups.leave', group, users: [] };
  return { method: 'groups.remove', group, users: some(2) };
}

/** The groups that this device makes at the start, and the admins that it then makes. */
export function firstMoves({ user, groups, makes }: DevicePlan): GroupMove[] {
  return groups
    .filter(({ creator }) => makes && creator === user)
    .flatMap(({ group, members, admins }): GroupMove[] => [
      { method: 'groups.create', group, users: members.filter((member) => member !== user) },
      { method: 'groups.promote', group, users: admins },
    ]);
}

/** The request of a move. */
export function requestOf({ method, group, users }: GroupMove): { group: string; users?: string[]; members?: string[]; settings?: { name: string } } {
  if (method === 'groups.create') return { group, settings: { name: group }, members: users };
  return method === 'groups.leave' ? { group } : { group, users };
}

/** What an answer says of the group, as far as it says it. */
export function answerOf(response: object): { revision: number; changed: string[] } {
  const { group, changed = [] } = response as { group?: { revision: bigint }; changed?: string[] };
  return { revision: Number(group?.revision ?? 0), changed };
}
