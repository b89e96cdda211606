import { readFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Code, limits } from 'godwit-schemas';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { MethodTable } from '../methods/table.js';
import type { MaybePromise } from '../ports/conversation-log.js';
import type { Identity, Limiter, Refusal } from '../ports/plugin.js';
import { Origins } from './cors.js';
import { sendRefusal, statusOf } from './http-answer.js';
import { serveCalls } from './http-calls.js';

/** What the engine gives the HTTP door. */
export interface HttpOptions {
  methods: MethodTable;
  authenticate(token: string): MaybePromise<Identity | Refusal>;
  /** Refused logins of an address; shared with MQTT. */
  failedLogins: Limiter;
  metrics: Registry;
  /** Whether this node takes traffic; the reason is for people. */
  ready(): { ok: boolean; reason?: string };
}

/** What the listeners give it. */
export interface HttpSurroundings {
  origins: Origins;
  log: Logger;
  /** False: the server stops; calls are refused, health is still told. */
  accepting(): boolean;
  addressOf(request: IncomingMessage): string;
  /** Makes the server behind Fastify (plain or TLS). */
  serve(handler: RequestListener): Server;
}

const DOCUMENTS = ['openapi.json', 'asyncapi.json'];
const GREETING = 'Godwit: messaging on MQTT. WebSocket at /mqtt, control calls at /v1/<method>, described in /v1/openapi.json and /v1/asyncapi.json.\n';

/** The HTTP door, ready to be listened on. Nothing of a request is logged but its method, its route and its fate. */
export async function openHttp(options: HttpOptions, around: HttpSurroundings): Promise<FastifyInstance> {
  const app = Fastify({
    logger: false,
    bodyLimit: limits.httpBodyBytes.value,
    serverFactory: (handler) => around.serve(handler as RequestListener),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    const preflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
    reply.headers(preflight ? around.origins.preflight(origin) : around.origins.headers(origin));
    if (preflight) return reply.code(204).send();
  });

  app.get('/', (_request, reply) => reply.type('text/plain; charset=utf-8').send(GREETING));
  app.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, reply) => {
    const { ok, reason } = options.ready();
    return reply.code(ok ? 200 : 503).type('text/plain').send(`${ok ? 'ready' : (reason ?? 'not ready')}\n`);
  });
  app.get('/metrics', async (_request, reply) => reply.type(options.metrics.contentType).send(await options.metrics.metrics()));
  for (const name of DOCUMENTS) {
    // They lie beside the code of the schemas package.
    const file = new URL(`../${name}`, import.meta.resolve('godwit-schemas'));
    app.get(`/v1/${name}`, async (_request, reply) => reply.type('application/json').send(await readFile(file)));
  }
  serveCalls(app, { ...options, accepting: around.accepting, addressOf: (request) => around.addressOf(request.raw) });

  app.setNotFoundHandler((request, reply) => sendRefusal(request, reply, { code: Code.UNKNOWN_METHOD, text: 'there is nothing at this path' }));
  app.setErrorHandler((error: FastifyError, request, reply) => refuseError(error, request, reply, around.log));
  await app.ready();
  return app;
}

function refuseError(error: FastifyError, request: FastifyRequest, reply: FastifyReply, log: Logger): FastifyReply {
  const refusal = refusalOf(error);
  if (statusOf(refusal.code) >= 500) log.error({ method: request.method, route: request.routeOptions.url, err: error }, 'HTTP request failed');
  return sendRefusal(request, reply, refusal);
}

function refusalOf(error: FastifyError): Refusal {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return { code: Code.TOO_LARGE, text: `a request has at most ${limits.httpBodyBytes.value} bytes` };
  if (error.statusCode !== undefined && error.statusCode < 500) return { code: Code.MALFORMED, text: error.message };
  return { code: Code.INTERNAL, text: 'the server could not do this; try again' };
}
