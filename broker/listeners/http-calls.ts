import { Code, fromBinary, isRetry, type Method } from 'godwit-schemas';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { addressKey } from '../limits/address-key.js';
import type { MethodTable } from '../methods/table.js';
import type { MaybePromise } from '../ports/conversation-log.js';
import type { Caller, Identity, Limiter, Refusal } from '../ports/plugin.js';
import { answerFormat, bodyFormat, JSON_ANSWER, JSON_TYPE, PROTOBUF, sendRefusal } from './http-answer.js';
import { writeProtoJson } from './json-writer.js';
import { readProtoJson } from './json.js';

export interface CallDoor {
  methods: MethodTable;
  authenticate(token: string): MaybePromise<Identity | Refusal>;
  /** By address. */
  failedLogins: Limiter;
  addressOf(request: FastifyRequest): string;
  /** False: the server stops. */
  accepting(): boolean;
}

interface CallRoute {
  Params: { method: string };
}

const ANY_METHOD: HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const NOTHING = new Uint8Array(0);

/** `POST /v1/<method>`: the control calls, with a bearer token, in ProtoJSON or protobuf. */
export function serveCalls(app: FastifyInstance, door: CallDoor): void {
  const callers = new WeakMap<FastifyRequest, Caller>();

  app.route<CallRoute>({
    method: ANY_METHOD,
    url: '/v1/:method',
    // Before the body is read: what nobody may send is not buffered.
    onRequest: async (request, reply) => {
      const { method } = request.params;
      if (request.method !== 'POST') {
        reply.header('allow', 'POST');
        return sendRefusal(request, reply, { code: Code.MALFORMED, text: 'control calls are made with POST' }, 405);
      }
      if (!door.accepting()) return sendRefusal(request, reply, { code: Code.UNAVAILABLE, text: 'the server stops; try again', retryAfterMs: 1_000 });
      const caller = await identify(door, request);
      if (!('user' in caller)) return sendRefusal(request, reply, caller);
      if (!door.methods.method(method)) return sendRefusal(request, reply, { code: Code.UNKNOWN_METHOD, text: 'there is no such method' });
      callers.set(request, caller);
    },
    handler: (request, reply) => answer(door, callers.get(request)!, request, reply),
  });
}

async function identify(door: CallDoor, request: FastifyRequest): Promise<Caller | Refusal> {
  const address = door.addressOf(request);
  const key = addressKey(address);
  const wait = door.failedLogins.peek(key);
  if (wait > 0) return { code: Code.RATE_LIMITED, text: 'too many failed logins', retryAfterMs: wait };
  const token = /^Bearer +([^ ]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) return { code: Code.UNAUTHENTICATED, text: 'a bearer token is needed' };
  const identity = await door.authenticate(token);
  if ('user' in identity) return { ...identity, session: undefined, address };
  // A fault of ours is no failed login.
  if (!isRetry(identity.code)) door.failedLogins.take(key);
  return identity;
}

async function answer(door: CallDoor, caller: Caller, request: FastifyRequest<CallRoute>, reply: FastifyReply): Promise<FastifyReply> {
  const name = request.params.method;
  const method = door.methods.method(name)!;
  const callId = request.headers['idempotency-key'];
  const message = readBody(method, request);
  if ('code' in message) return sendRefusal(request, reply, message);
  const outcome = await door.methods.callMessage(caller, name, callId === undefined ? NOTHING : Buffer.from(String(callId)), message.request);
  if (!(outcome instanceof Uint8Array)) return sendRefusal(request, reply, outcome);
  if (answerFormat(request) === PROTOBUF) return reply.type(PROTOBUF).send(Buffer.from(outcome.buffer, outcome.byteOffset, outcome.length));
  return reply.type(JSON_ANSWER).send(writeProtoJson(method.response, outcome));
}

function readBody(method: Method, request: FastifyRequest<CallRoute>): { request: ReturnType<typeof fromBinary> } | Refusal {
  const body = (request.body as Buffer | undefined) ?? NOTHING;
  if (request.headers['content-encoding'] !== undefined) return { code: Code.MALFORMED, text: 'the body must not be compressed' };
  switch (bodyFormat(request.headers['content-type'])) {
    case PROTOBUF:
      try {
        return { request: fromBinary(method.request, body) };
      } catch {
        return { code: Code.MALFORMED, text: `the body is no ${method.request.typeName}` };
      }
    case JSON_TYPE:
      try {
        return { request: readProtoJson(method.request, body.length === 0 ? '{}' : utf8.decode(body)) };
      } catch (error) {
        return { code: Code.MALFORMED, text: error instanceof SyntaxError ? error.message : 'the body is not UTF-8' };
      }
    default:
      return { code: Code.MALFORMED, text: `the content type must be ${JSON_TYPE} or ${PROTOBUF}` };
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
