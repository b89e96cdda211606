import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { create, fromBinary, GodwitError, methods, ResultSchema, toBinary, type MessageInitShape, type MethodName, type ResponseOf } from 'godwit-schemas';
import { CommandError, NotRunningError } from './errors.js';
import type { Server } from './server.js';

/** A server by its HTTP door. */
export type Door = Pick<Server, 'http' | 'certificate' | 'down'>;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const PROTOBUF = 'application/x-protobuf';
const TIMEOUT_MS = 30_000;

/**
 * A control call by HTTP.
 * @param timeoutMs without a byte from the server; 0 = wait for as long as it takes
 * @throws GodwitError the refusal; NotRunningError when nobody answers; CommandError when it is no Godwit that answers
 */
export async function call<M extends MethodName>(door: Door, token: string, method: M, request: MessageInitShape<(typeof methods)[M]['request']>, timeoutMs = TIMEOUT_MS): Promise<ResponseOf<M>> {
  const { request: requestSchema, response: responseSchema } = methods[method];
  const body = Buffer.from(toBinary(requestSchema, create(requestSchema, request as never)));
  const headers = { authorization: `Bearer ${token}`, 'content-type': PROTOBUF, accept: PROTOBUF, 'content-length': body.length };
  const answer = await ask(door, 'POST', `/v1/${method}`, { headers, body, timeoutMs });
  if (!answer.headers['content-type']?.startsWith(PROTOBUF)) throw new CommandError(`${door.http} does not answer as Godwit does (HTTP ${answer.status})`);
  if (answer.status === 200) return fromBinary(responseSchema, answer.body) as ResponseOf<M>;
  const { code, text, retryAfterMs } = fromBinary(ResultSchema, answer.body);
  throw new GodwitError(code, text || undefined, retryAfterMs || undefined);
}

/** Throws unless a server answers. @throws NotRunningError, CommandError */
export async function knock(door: Door): Promise<void> {
  const { status, body } = await get(door, '/healthz');
  if (status !== 200 || body.toString().trim() !== 'ok') throw new CommandError(`${door.http} does not answer as Godwit does (HTTP ${status})`);
}

/** @throws NotRunningError, CommandError */
export function get(door: Door, path: string, timeoutMs = TIMEOUT_MS): Promise<Answer> {
  return ask(door, 'GET', path, { headers: {}, body: undefined, timeoutMs });
}

interface Asked {
  headers: Record<string, string | number>;
  body: Buffer | undefined;
  timeoutMs: number;
}

function ask({ http, certificate, down }: Door, method: string, path: string, { headers, body, timeoutMs }: Asked): Promise<Answer> {
  if (http === undefined) throw new CommandError('this needs the HTTP address of the server: --url http://host:8080, https://, ws:// or wss://');
  const url = new URL(path, http);
  // A connection each: on one that is used again there is no handshake to look at.
  const options: RequestOptions = { method, headers, timeout: timeoutMs, agent: false };
  return new Promise((resolve, reject) => {
    const secure = url.protocol === 'https:';
    const request = secure ? httpsRequest(url, { ...options, rejectUnauthorized: certificate === undefined }) : httpRequest(url, options);
    request.on('response', (response) => collect(response).then(resolve, reject));
    request.on('timeout', () => request.destroy(new CommandError(`${http} does not answer`)));
    request.on('error', (error) => reject(explain(error, http, down)));
    if (certificate === undefined) {
      request.end(body);
      return;
    }
    // Nothing is sent, the token least of all, before it is known who listens.
    request.on('socket', (socket) => socket.once('secureConnect', () => {
      const stranger = whyStranger(socket as TLSSocket, certificate);
      if (stranger) request.destroy(stranger);
      else request.end(body);
    }));
  });
}

/** The server shows its own certificate: the name that this is made out to does not matter on its own machine. */
function whyStranger(socket: TLSSocket, file: string): CommandError | undefined {
  let own: X509Certificate;
  try {
    own = new X509Certificate(readFileSync(file));
  } catch (error) {
    return new CommandError(`the server's certificate ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'not a certificate'}): name the server by --url`);
  }
  if (socket.getPeerX509Certificate()?.fingerprint256 === own.fingerprint256) return undefined;
  return new CommandError(`the server shows another certificate than ${file}: if that is new, send the server SIGHUP`);
}

async function collect(response: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) };
}

function explain(error: NodeJS.ErrnoException, http: string, down: string): Error {
  if (error instanceof CommandError) return error;
  switch (error.code) {
    case 'ECONNREFUSED':
      return new NotRunningError(down);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new CommandError(`the name in ${http} is not known`);
    default:
      return new CommandError(`${http} cannot be reached (${error.code ?? error.message})`);
  }
}
