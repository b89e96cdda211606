import { validGroupId, validUserId } from './ids.js';

/** What a conversation's name says. */
export type Conversation =
  /** Two users, sorted by bytes; the same one twice is the note to self. */
  | { kind: 'direct'; users: [string, string] }
  | { kind: 'group'; group: string }
  /** A user's private log. */
  | { kind: 'feed'; user: string };

/** `d:<user>:<user>`. Ids are ASCII, so the order of UTF-16 units is the order of bytes. */
export function directConversation(a: string, b: string): string {
  return a < b ? `d:${a}:${b}` : `d:${b}:${a}`;
}

/** `g:<group>`. */
export function groupConversation(group: string): string {
  return `g:${group}`;
}

/** Whether a conversation is a group's, by its name, which must be one: cheaper than reading it. */
export function isGroupConversation(name: string): boolean {
  return name.charCodeAt(0) === LETTER_G && name.charCodeAt(1) === COLON;
}

const LETTER_G = 0x67;
const COLON = 0x3a;

/** `u:<user>`: the user's feed. */
export function feedConversation(user: string): string {
  return `u:${user}`;
}

/** Reads a conversation's name; undefined when it is not the one canonical name (ids valid, users sorted). */
export function parseConversation(name: string): Conversation | undefined {
  const rest = name.slice(2);
  switch (name.slice(0, 2)) {
    case 'd:': {
      const colon = rest.indexOf(':');
      const a = rest.slice(0, Math.max(colon, 0));
      const b = rest.slice(colon + 1);
      return validUserId(a) && validUserId(b) && a <= b ? { kind: 'direct', users: [a, b] } : undefined;
    }
    case 'g:':
      return validGroupId(rest) ? { kind: 'group', group: rest } : undefined;
    case 'u:':
      return validUserId(rest) ? { kind: 'feed', user: rest } : undefined;
    default:
      return undefined;
  }
}

/** The other user of a one-to-one conversation (oneself, of the note to self); undefined when `user` is not in it. */
export function peerOf(conversation: string, user: string): string | undefined {
  const parsed = parseConversation(conversation);
  if (parsed?.kind !== 'direct') return undefined;
  const [a, b] = parsed.users;
  if (user === a) return b;
  return user === b ? a : undefined;
}
