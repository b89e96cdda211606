import { directConversation, publishTopics } from 'godwit-schemas';
import { between, type Random } from './seeded.js';

/** A group of a round. */
export interface GroupPlan {
  group: string;
  /** Makes it at the start, and stays. */
  creator: string;
  /** Are made admins, and again whenever they were removed and are back: they race. */
  admins: string[];
  /** Everyone it begins with, the creator first. */
  members: string[];
  /** Everyone who is ever in it. */
  people: string[];
}

/** Names that are properties of every object are groups like others. */
const NAMES = ['constructor', 'birds', '__proto__'];
const LEAST = 3;
const MOST = 8;

/** Small ones and large ones; of the people some are added later. */
export function planGroups(users: readonly string[], random: Random): GroupPlan[] {
  if (users.length < LEAST) return [];
  return NAMES.map((group, index) => {
    const people = shuffled(users, random).slice(0, Math.min(users.length, index === 0 ? MOST : between(random, LEAST + 1, MOST)));
    const [creator, ...others] = people;
    return { group, creator, admins: others.slice(0, 2), members: people.slice(0, Math.max(LEAST, Math.ceil(people.length * 0.7))), people };
  });
}

/** Who is written to: a user, or a group by the name of its conversation. */
export function conversationWith(user: string, to: string): string {
  return to.startsWith('g:') ? to : directConversation(user, to);
}

export function topicTo(to: string, raw: boolean): string {
  if (to.startsWith('g:')) return raw ? publishTopics.groupRaw(to.slice(2)) : publishTopics.group(to.slice(2));
  return raw ? publishTopics.toRaw(to) : publishTopics.to(to);
}

function shuffled(users: readonly string[], random: Random): string[] {
  const left = [...users];
  return users.map(() => left.splice(random.below(left.length), 1)[0]);
}
