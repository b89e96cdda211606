import { create, toBinary } from '@bufbuild/protobuf';
import { Code } from '../gen/godwit/v1/code_pb.js';
import { ReadSetRequestSchema, ReadSetResponseSchema } from '../gen/godwit/v1/control_pb.js';
import { GroupPermission, GroupRole, RequestSchema, ResponseSchema, type ConversationState, type GroupSettings as Settings, type Message } from '../gen/godwit/v1/message_pb.js';
import { methods, type MethodName, type RequestOf, type ResponseOf } from '../methods.js';
import type { CallsOf } from './calls.js';
import { peopleCalls } from './people-vectors.js';
import { id, sentAtMs, textBody, utf8, vector, type Vector } from './vector.js';

/** One request and one response of every control call; a method without them does not compile. */
const calls: CallsOf<MethodName> = {
  'messages.send': {
    request: { to: 'bob', message: messageFields() },
    response: { id, seq: 7n, sentAtMs: BigInt(sentAtMs), conversation: 'd:alice:bob' },
  },
  'read.set': { request: { conversation: 'd:alice:bob', seq: 7n }, response: { seq: 7n } },
  'groups.create': { request: { group: '', settings: settings(), members: ['bob', 'carol'] }, response: { group: group() } },
  'groups.get': { request: { group: 'godwits' }, response: { group: group() } },
  'groups.list': {
    request: { after: 'avocets', limit: 2 },
    response: { groups: [{ $typeName: 'godwit.v1.GroupSummary', group: 'godwits', revision: 3n, name: 'Godwits', picture: '', members: 2, role: GroupRole.CREATOR }], more: false },
  },
  'groups.update': { request: { group: 'godwits', revision: 3n, name: 'Bar-tailed godwits', maySend: GroupPermission.ADMINS }, response: { group: group() } },
  'groups.add': { request: { group: 'godwits', revision: 0n, users: ['carol'] }, response: { group: group(), changed: ['carol'] } },
  'groups.remove': { request: { group: 'godwits', revision: 0n, users: ['carol', 'dave'] }, response: { group: group(), changed: ['carol'] } },
  'groups.leave': { request: { group: 'godwits' }, response: {} },
  'groups.promote': { request: { group: 'godwits', revision: 3n, users: ['bob'] }, response: { group: group(), changed: ['bob'] } },
  'groups.demote': { request: { group: 'godwits', revision: 4n, users: ['bob'] }, response: { group: group(), changed: ['bob'] } },
  'groups.transfer': { request: { group: 'godwits', revision: 0n, user: 'bob' }, response: { group: group() } },
  'groups.delete': { request: { group: 'godwits', revision: 0n }, response: {} },
  'groups.invite': { request: { group: 'godwits', expiresInS: 3600, uses: 5 }, response: { token: 'godwits.c2VjcmV0', invitation: invitation() } },
  'groups.invitations': { request: { group: 'godwits' }, response: { invitations: [invitation()] } },
  'groups.revoke': { request: { group: 'godwits', invitation: 'a1' }, response: { revoked: true } },
  'groups.join': { request: { token: 'godwits.c2VjcmV0' }, response: { group: group() } },
  'history.list': { request: { conversation: 'd:alice:bob', before: 8n, limit: 2 }, response: { messages: [delivered()], more: true } },
  'receipts.get': {
    request: { conversation: 'g:godwits', seq: 7n },
    response: { members: [{ $typeName: 'godwit.v1.MemberReceipt', user: 'bob', deliveredAtMs: BigInt(sentAtMs + 1_000), readAtMs: 0n }] },
  },
  'conversations.list': {
    request: { after: '1767225600000 d:alice:carol', limit: 1 },
    response: { conversations: [{ $typeName: 'godwit.v1.ConversationSummary', conversation: 'd:alice:bob', head: 8n, read: 5n, unread: 2n, state: state(), last: delivered() }], next: '1767225590000 d:alice:bob' },
  },
  'conversations.set': { request: { conversation: 'd:alice:bob', mutedUntilMs: 0n, pinned: true }, response: { state: state() } },
  'conversations.clear': { request: { conversation: 'd:alice:bob' }, response: { state: { ...state(), clearedTo: 8n } } },
  'messages.erase': { request: { conversation: 'd:alice:bob', seq: 7n }, response: {} },
  ...peopleCalls,
  'auth.renew': { request: { token: 'eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl' }, response: { expiresAtMs: BigInt(sentAtMs + 3_600_000), serverTimeMs: BigInt(sentAtMs) } },
  'admin.users.add': { request: { user: 'bob' }, response: { created: true } },
  'admin.users.remove': { request: { user: 'bob' }, response: { removed: true } },
  'admin.users.list': {
    request: { after: 'alice', limit: 2 },
    response: { users: [user('bob', 2, true), user('constructor', 0, false)], more: true },
  },
  'admin.devices.list': {
    request: { user: 'bob' },
    response: {
      devices: [
        { $typeName: 'godwit.v1.AdminDevice', device: 'phone', firstSeenMs: BigInt(sentAtMs), lastSeenMs: BigInt(sentAtMs + 1000), connected: true, filters: ['u/bob/#', 'presence/alice'] },
        { $typeName: 'godwit.v1.AdminDevice', device: 'tablet', firstSeenMs: BigInt(sentAtMs), lastSeenMs: 0n, connected: false, filters: [] },
      ],
    },
  },
  'admin.queue': {
    request: { user: 'bob' },
    response: { entries: [{ $typeName: 'godwit.v1.AdminQueueEntry', device: 'phone', conversation: 'd:alice:bob', delivered: 3n, head: 13n, waiting: 10n }] },
  },
  'admin.backup': { request: { folder: '/var/backups/godwit' }, response: { bytes: 1_048_576n, entries: 1000n } },
};

function settings(): Settings {
  return { $typeName: 'godwit.v1.GroupSettings', name: 'Godwits', description: 'Eleven thousand kilometres', picture: '', maySend: GroupPermission.EVERYONE, mayEdit: GroupPermission.ADMINS, mayAdd: GroupPermission.ADMINS };
}

function group(): NonNullable<ResponseOf<'groups.get'>['group']> {
  const member = (user: string, role: GroupRole) => ({ $typeName: 'godwit.v1.GroupMember', user, role, joinedAtMs: BigInt(sentAtMs) }) as const;
  return { $typeName: 'godwit.v1.Group', group: 'godwits', revision: 3n, settings: settings(), createdAtMs: BigInt(sentAtMs), members: [member('alice', GroupRole.CREATOR), member('bob', GroupRole.MEMBER)] };
}

function invitation(): NonNullable<ResponseOf<'groups.invite'>['invitation']> {
  return { $typeName: 'godwit.v1.GroupInvitation', invitation: 'a1', by: 'alice', expiresAtMs: BigInt(sentAtMs + 3_600_000), usesLeft: 5 };
}

function messageFields(): RequestOf<'messages.send'>['message'] {
  return { $typeName: 'godwit.v1.Message', id, body: textBody('hello'), deviceBodies: {}, expiresInS: 0, preview: new Uint8Array(0), flags: 0, epoch: 0n, devicesRevision: 0, from: '', fromDevice: '', conversation: '', seq: 0n, sentAtMs: 0n, after: 0n };
}

function state(): ConversationState {
  return { $typeName: 'godwit.v1.ConversationState', conversation: 'd:alice:bob', mutedUntilMs: 0n, archived: false, pinned: true, clearedTo: 0n };
}

function delivered(): Message {
  return { ...messageFields()!, from: 'alice', fromDevice: 'phone', conversation: 'd:alice:bob', seq: 7n, sentAtMs: BigInt(sentAtMs) };
}

function user(name: string, devices: number, online: boolean): ResponseOf<'admin.users.list'>['users'][number] {
  return { $typeName: 'godwit.v1.AdminUser', user: name, createdAtMs: BigInt(sentAtMs), lastSeenMs: online ? BigInt(sentAtMs) : 0n, devices, online };
}

/** The name of the vector of a method's request or response. */
export function callVectorName(method: string, part: 'request' | 'response'): string {
  return `${method} ${part}`;
}

/** Every call's request and response, and a call with its answers as they travel on MQTT. */
export function controlVectors(): Vector[] {
  const found: Vector[] = [];
  for (const [name, method] of Object.entries(methods)) {
    const { request, response } = calls[name as MethodName];
    found.push(vector(callVectorName(name, 'request'), method.request, request));
    found.push(vector(callVectorName(name, 'response'), method.response, response));
  }
  const callId = utf8('call-1');
  const params = toBinary(ReadSetRequestSchema, create(ReadSetRequestSchema, { conversation: 'd:alice:bob', seq: 7n }));
  const value = toBinary(ReadSetResponseSchema, create(ReadSetResponseSchema, { seq: 7n }));
  found.push(vector('a call of read.set', RequestSchema, { callId, params }));
  found.push(vector('its answer', ResponseSchema, { callId, value }));
  found.push(vector('its answer when refused', ResponseSchema, { callId, error: { code: Code.UNKNOWN_CONVERSATION, text: 'there is no such conversation' } }));
  return found;
}
