import { parseConversation } from './conversations.js';
import { validGroupId, validUserId } from './ids.js';
import { FILTER_BYTES } from './limits.js';

/** Where messages are published to. `raw`: the payload is the bare body, the server makes the Message around it. */
export type LogTopic = { kind: 'to'; user: string; raw: boolean } | { kind: 'group'; group: string; raw: boolean };

/** Everything else that a device publishes. */
export type ControlTopic =
  | { kind: 'read'; conversation: string }
  | { kind: 'typing'; conversation: string }
  | { kind: 'presence'; user: string }
  | { kind: 'rpc'; method: string };

/** Every topic that a device may publish to. */
export type PublishTopic = LogTopic | ControlTopic;

/** What a delivered publish is, by its topic. */
export type DeliveryTopic =
  | { kind: 'msg' | 'result' | 'receipt' | 'feed' | 'rpc' | 'typing' | 'gap'; user: string }
  | { kind: 'raw'; user: string; conversation: string; from: string }
  | { kind: 'presence'; user: string };

/** Topics that devices publish to. Ids are taken as they are: validate what comes from outside. */
export const publishTopics = {
  to: (user: string): string => `to/${user}`,
  toRaw: (user: string): string => `to/${user}/raw`,
  group: (group: string): string => `group/${group}`,
  groupRaw: (group: string): string => `group/${group}/raw`,
  read: (conversation: string): string => `read/${conversation}`,
  typing: (conversation: string): string => `typing/${conversation}`,
  presence: (user: string): string => `presence/${user}`,
  rpc: (method: string): string => `rpc/${method}`,
} as const;

/** Topics that devices receive on. */
export const deliveryTopics = {
  msg: (user: string): string => `u/${user}/msg`,
  raw: (user: string, conversation: string, from: string): string => `u/${user}/raw/${conversation}/${from}`,
  result: (user: string): string => `u/${user}/result`,
  receipt: (user: string): string => `u/${user}/receipt`,
  feed: (user: string): string => `u/${user}/feed`,
  rpc: (user: string): string => `u/${user}/rpc`,
  typing: (user: string): string => `u/${user}/typing`,
  /** Gaps of a plain device, as JSON. */
  gap: (user: string): string => `u/${user}/gap`,
  presence: (user: string): string => `presence/${user}`,
  /** The one filter that a device of the SDK subscribes to. */
  all: (user: string): string => `u/${user}/#`,
} as const;

// A well-formed name that no method has is answered with UNKNOWN_METHOD; anything else is no topic of ours.
const methodName = /^[A-Za-z0-9]{1,32}(\.[A-Za-z0-9]{1,32}){0,3}$/;

const printableAscii = /^[ -~]+$/;

/** What a publish to this topic means; undefined: there is no such topic, or an id in it is not valid. */
export function parsePublishTopic(topic: string): PublishTopic | undefined {
  const slash = topic.indexOf('/');
  if (slash < 0) return undefined;
  const rest = topic.slice(slash + 1);
  switch (topic.slice(0, slash)) {
    case 'to': {
      const user = withoutRaw(rest);
      return validUserId(user) ? { kind: 'to', user, raw: user !== rest } : undefined;
    }
    case 'group': {
      const group = withoutRaw(rest);
      return validGroupId(group) ? { kind: 'group', group, raw: group !== rest } : undefined;
    }
    case 'read':
      return parseConversation(rest) && { kind: 'read', conversation: rest };
    case 'typing':
      return parseConversation(rest) && { kind: 'typing', conversation: rest };
    case 'presence':
      return validUserId(rest) ? { kind: 'presence', user: rest } : undefined;
    case 'rpc':
      return methodName.test(rest) ? { kind: 'rpc', method: rest } : undefined;
    default:
      return undefined;
  }
}

function withoutRaw(rest: string): string {
  return rest.endsWith('/raw') ? rest.slice(0, -4) : rest;
}

/** What a delivered publish is; undefined: nothing that Godwit sends. */
export function parseDeliveryTopic(topic: string): DeliveryTopic | undefined {
  const levels = topic.split('/');
  const user = levels[1];
  if (user === undefined || !validUserId(user)) return undefined;
  if (levels[0] === 'presence') return levels.length === 2 ? { kind: 'presence', user } : undefined;
  if (levels[0] !== 'u') return undefined;
  const kind = levels[2];
  switch (kind) {
    case 'msg':
    case 'result':
    case 'receipt':
    case 'feed':
    case 'rpc':
    case 'typing':
    case 'gap':
      return levels.length === 3 ? { kind, user } : undefined;
    case 'raw': {
      const conversation = levels[3];
      const from = levels[4];
      if (levels.length !== 5 || !parseConversation(conversation) || !validUserId(from)) return undefined;
      return { kind, user, conversation, from };
    }
    default:
      return undefined;
  }
}

/** Whether a topic filter is well formed (MQTT-4.7.1-2, 4.7.1-3, 4.7.3-1, 4.7.3-2). */
export function validFilter(filter: string): boolean {
  if (filter === '' || filter.includes('\0')) return false;
  const levels = filter.split('/');
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i];
    if (level.length === 1) {
      if (level === '#' && i !== levels.length - 1) return false;
    } else if (level.includes('#') || level.includes('+')) {
      return false;
    }
  }
  return true;
}

/**
 * Whether a topic name matches a topic filter, by MQTT 3.1.1 section 4.7: `+` is one level, `#` the rest and the
 * level above it, and neither stands for a first level that begins with `$` (MQTT-4.7.2-1).
 */
export function matchesFilter(filter: string, topic: string): boolean {
  if (!validFilter(filter)) return false;
  if (topic[0] === '$' && (filter[0] === '+' || filter[0] === '#')) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return true;
    if (i === levels.length) return false;
    if (wanted[i] !== '+' && wanted[i] !== levels[i]) return false;
  }
  return wanted.length === levels.length;
}

/**
 * Whether a user may subscribe to a filter: well formed, ASCII as all our topics are, no longer than
 * `limits.filterBytes`, and under `u/<own user>/` or the literal `presence/<user>` of anyone (whether that user's
 * presence is told is asked later).
 */
export function filterGranted(filter: string, user: string): boolean {
  if (filter.length > FILTER_BYTES || !printableAscii.test(filter) || !validFilter(filter)) return false;
  if (filter.startsWith(`u/${user}/`)) return true;
  return filter.startsWith('presence/') && validUserId(filter.slice('presence/'.length));
}
