import { Audience, Code } from 'godwit-schemas';
import type { Reach, Refusal } from '../../broker/ports/plugin.js';
import type { Relations } from '../../broker/ports/relations.js';

const BLOCKED: Refusal = { code: Code.NOT_ALLOWED, text: 'this user takes nothing from you' };
const ASKED_FIRST: Refusal = { code: Code.NOT_ALLOWED, text: 'this user is asked before they are added to a group' };
const HIDDEN: Refusal = { code: Code.NOT_ALLOWED, text: 'you do not see the presence of this user' };

/** Why `to` does not let `from` do or see this. */
export async function objectionTo(relations: Relations, from: string, to: string, what: Reach): Promise<Refusal | undefined> {
  if (from === to) return undefined;
  if (what === 'presence') return (await shows(relations, to, from)) && (await shows(relations, from, to)) ? undefined : HIDDEN;
  if (await relations.has(to, 'block', from)) return BLOCKED;
  if (what === 'group' && !(await isFor(relations, (await relations.privacy(to)).groups, to, from))) return ASKED_FIRST;
  return undefined;
}

/** Whether the user lets the other one see their presence, whatever the other one does. */
async function shows(relations: Relations, user: string, other: string): Promise<boolean> {
  if (await relations.has(user, 'block', other)) return false;
  return isFor(relations, (await relations.privacy(user)).presence, user, other);
}

async function isFor(relations: Relations, audience: Audience, user: string, other: string): Promise<boolean> {
  if (audience === Audience.CONTACTS) return relations.has(user, 'contact', other);
  return audience === Audience.EVERYONE;
}
