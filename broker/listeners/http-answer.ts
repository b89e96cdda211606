import { errors, ResultSchema, toBinary, toJson, type Code } from 'godwit-schemas';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { refusalResult } from '../methods/refusal-result.js';
import type { Refusal } from '../ports/plugin.js';

export const PROTOBUF = 'application/x-protobuf';
export const JSON_TYPE = 'application/json';
/** As Fastify completes it where an answer is text; here answers are bytes too. */
export const JSON_ANSWER = `${JSON_TYPE}; charset=utf-8`;

/** What a body is written in: said by its content type; JSON where nothing is said; undefined: something else. */
export function bodyFormat(contentType: string | undefined): typeof PROTOBUF | typeof JSON_TYPE | undefined {
  const type = contentType?.split(';', 1)[0].trim().toLowerCase() ?? JSON_TYPE;
  return type === PROTOBUF || type === JSON_TYPE ? type : undefined;
}

/** What the answer is written in: what the request accepts; the type of its own body where it accepts both or does not say. */
export function answerFormat(request: FastifyRequest): typeof PROTOBUF | typeof JSON_TYPE {
  const accept = request.headers.accept?.toLowerCase() ?? '';
  const protobuf = accept.includes(PROTOBUF);
  const json = accept.includes(JSON_TYPE);
  if (protobuf !== json) return protobuf ? PROTOBUF : JSON_TYPE;
  return bodyFormat(request.headers['content-type']) ?? JSON_TYPE;
}

/** The status of the table; codes that only MQTT knows are "not now" where they are worth a retry, else "not allowed". */
export function statusOf(code: Code): number {
  const row = errors.get(code);
  return row?.http ?? (row?.retry ? 503 : 403);
}

/** Answers with a Result: anything but 200 carries one. */
export function sendRefusal(request: FastifyRequest, reply: FastifyReply, refusal: Refusal, status = statusOf(refusal.code)): FastifyReply {
  const result = refusalResult(refusal);
  reply.code(status);
  if (refusal.retryAfterMs) reply.header('retry-after', Math.ceil(refusal.retryAfterMs / 1000));
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (answerFormat(request) === PROTOBUF) return reply.type(PROTOBUF).send(Buffer.from(toBinary(ResultSchema, result)));
  return reply.type(JSON_TYPE).send(JSON.stringify(toJson(ResultSchema, result)));
}
