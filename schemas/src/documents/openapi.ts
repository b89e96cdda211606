import type { Registry } from '@bufbuild/protobuf';
import { errors, type ErrorRow } from '../errors.js';
import { limits } from '../limits.js';
import { methods, type Method } from '../methods.js';
import { callVectorName, controlVectors } from './control-vectors.js';
import { JsonSchemas, type JsonObject } from './json-schema.js';

const json = 'application/json';
const protobuf = 'application/x-protobuf';

/** The OpenAPI 3.1 document of the HTTP door. `registry`: descriptors made with source information. */
export function openApi(registry: Registry, version: string): JsonObject {
  const schemas = new JsonSchemas(registry, '#/components/schemas/');
  const examples = new Map(controlVectors().map((vector) => [vector.name, vector.json]));
  const paths = Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [`/v1/${name}`, { post: call(name, method, schemas, examples) }]),
  );
  return {
    openapi: '3.1.0',
    info: {
      title: 'Godwit',
      version,
      summary: 'The control calls of Godwit over HTTP.',
      description:
        'Every call is a POST with one message as its body and one as its answer, as ProtoJSON or as protobuf; the same calls are served on MQTT as `rpc/<method>` (see the AsyncAPI document). Bytes are base 64 in ProtoJSON; 64-bit numbers are strings of digits, and are taken as numbers too. Fields with their default value (0, empty, false) are left out.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:8080', description: 'As `npm start` listens, without a certificate.' }],
    security: [{ bearer: [] }],
    tags: [...new Set(Object.keys(methods).map(tagOf))].map((name) => ({ name })),
    paths: { ...paths, ...operations() },
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The token that MQTT takes as the password: `sub` is the user. Calls under `admin.` ask for the claim `admin: true`.' },
      },
      parameters: { idempotencyKey: idempotencyKey() },
      responses: Object.fromEntries(refusals().map(([status, rows]) => [`Status${status}`, refusal(status, rows, schemas)])),
      schemas: schemas.all(),
    },
  };
}

function call(name: string, method: Method, schemas: JsonSchemas, examples: Map<string, unknown>): JsonObject {
  const bounds = [...method.limits, 'callsPerMinute' as const].map((limit) => `${limit}: ${limits[limit].value}, ${limits[limit].what}`);
  return {
    operationId: name,
    summary: method.doc,
    description: `${method.who === 'admin' ? 'Needs a token with the claim `admin: true`.\n\n' : ''}Limits:\n${bounds.map((bound) => `- ${bound}`).join('\n')}`,
    tags: [tagOf(name)],
    parameters: [{ $ref: '#/components/parameters/idempotencyKey' }],
    requestBody: { required: true, content: content(schemas, method.request.typeName, examples.get(callVectorName(name, 'request'))) },
    responses: {
      200: { description: 'Done.', content: content(schemas, method.response.typeName, examples.get(callVectorName(name, 'response'))) },
      ...Object.fromEntries(refusals().map(([status]) => [status, { $ref: `#/components/responses/Status${status}` }])),
    },
  };
}

function content(schemas: JsonSchemas, typeName: string, example?: unknown): JsonObject {
  return {
    [json]: { schema: schemas.ref(typeName), ...(example !== undefined && { example }) },
    [protobuf]: { schema: { description: `${typeName}, encoded.`, contentMediaType: protobuf } },
  };
}

function tagOf(method: string): string {
  return method.slice(0, method.indexOf('.'));
}

function idempotencyKey(): JsonObject {
  return {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: `The call id, chosen by the caller: a repeat with the same one within ${limits.callMemoryMs.value / 60_000} minutes gets the first answer and is not done twice. Without it every request is a call of its own.`,
    schema: { type: 'string', minLength: 1, maxLength: limits.callIdBytes.value, pattern: '^[!-~]+$' },
  };
}

/** The codes that refuse, by HTTP status. */
function refusals(): [number, ErrorRow[]][] {
  const byStatus = new Map<number, ErrorRow[]>();
  for (const row of errors.values()) {
    if (row.http === undefined || row.http === 200) continue;
    byStatus.set(row.http, [...(byStatus.get(row.http) ?? []), row]);
  }
  return [...byStatus].sort(([a], [b]) => a - b);
}

function refusal(status: number, rows: ErrorRow[], schemas: JsonSchemas): JsonObject {
  const description = rows.map((row) => `\`${row.name}\`: ${row.meaning}${row.retry ? ' (worth a retry)' : ''}.`).join(' ');
  const { name: code, meaning: text, retry } = rows[0];
  const headers = {
    ...(retry && { 'Retry-After': { description: 'Seconds, rounded up, where it is known; `retryAfterMs` of the Result says it in milliseconds.', schema: { type: 'integer', minimum: 1 } } }),
    ...(status === 401 && { 'WWW-Authenticate': { schema: { type: 'string', const: 'Bearer' } } }),
  };
  return { description, headers, content: content(schemas, 'godwit.v1.Result', { code, text, ...(status === 429 && { retryAfterMs: 1500 }) }) };
}

/** What is not a control call. No token is asked for. */
function operations(): JsonObject {
  const get = (operationId: string, summary: string, responses: JsonObject): JsonObject => ({ get: { operationId, summary, security: [], responses } });
  const text = { 'text/plain': { schema: { type: 'string' } } };
  const document = (what: string): JsonObject => ({ 200: { description: what, content: { [json]: { schema: { type: 'object' } } } } });
  return {
    '/healthz': get('healthz', 'Whether the process is alive.', { 200: { description: 'It is.', content: text } }),
    '/readyz': get('readyz', 'Whether it takes connections and messages.', {
      200: { description: 'It does.', content: text },
      503: { description: 'Not yet, or no longer; the text says why.', content: text },
    }),
    '/metrics': get('metrics', 'Metrics for Prometheus.', { 200: { description: 'The text format of Prometheus.', content: text } }),
    '/v1/openapi.json': get('openapi', 'This document.', document('OpenAPI 3.1.')),
    '/v1/asyncapi.json': get('asyncapi', 'The document of the topics on MQTT.', document('AsyncAPI 3.0.')),
  };
}
