import { create, toBinary } from '@bufbuild/protobuf';
import { Code } from '../gen/godwit/v1/code_pb.js';
import { ReadSetRequestSchema, ReadSetResponseSchema } from '../gen/godwit/v1/control_pb.js';
import { RequestSchema, ResponseSchema } from '../gen/godwit/v1/message_pb.js';
import { methods, type MethodName, type RequestOf, type ResponseOf } from '../methods.js';
import { id, sentAtMs, textBody, utf8, vector, type Vector } from './vector.js';

type Fields<T> = Partial<Omit<T, '$typeName' | '$unknown'>>;

/** One request and one response of every control call; a method without them does not compile. */
const calls: { [M in MethodName]: { request: Fields<RequestOf<M>>; response: Fields<ResponseOf<M>> } } = {
  'messages.send': {
    request: { to: 'bob', message: messageFields() },
    response: { id, seq: 7n, sentAtMs: BigInt(sentAtMs), conversation: 'd:alice:bob' },
  },
  'read.set': { request: { conversation: 'd:alice:bob', seq: 7n }, response: { seq: 7n } },
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

function messageFields(): RequestOf<'messages.send'>['message'] {
  return { $typeName: 'godwit.v1.Message', id, body: textBody('hello'), deviceBodies: {}, expiresInS: 0, preview: new Uint8Array(0), flags: 0, epoch: 0n, devicesRevision: 0, from: '', fromDevice: '', conversation: '', seq: 0n, sentAtMs: 0n, after: 0n };
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
