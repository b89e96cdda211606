import { create, fromBinary, methods, ResultSchema, toBinary, type MessageInitShape, type MethodName, type ResponseOf, type Result } from 'godwit-schemas';
import { tokenFor, type Address, type TokenOptions } from './address.js';

const PROTOBUF = 'application/x-protobuf';

export interface CallOptions extends TokenOptions {
  /** Idempotency-Key. */
  callId?: string;
  token?: string;
  headers?: Record<string, string>;
}

export interface Answer<M extends MethodName> {
  status: number;
  headers: Headers;
  value: ResponseOf<M> | undefined;
  /** What refused it. */
  error: Result | undefined;
}

/** `POST /v1/<method>` in protobuf, as this user. */
export async function httpCall<M extends MethodName>(
  address: Address,
  user: string,
  method: M,
  params: MessageInitShape<(typeof methods)[M]['request']>,
  { callId, token, headers, ...options }: CallOptions = {},
): Promise<Answer<M>> {
  const { request, response } = methods[method];
  const answer = await fetch(`http://127.0.0.1:${address.httpPort}/v1/${method}`, {
    method: 'POST',
    body: Buffer.from(toBinary(request, create(request, params as never) as never)),
    headers: {
      authorization: `Bearer ${token ?? tokenFor(address, user, options)}`,
      'content-type': PROTOBUF,
      ...(callId !== undefined && { 'idempotency-key': callId }),
      ...headers,
    },
  });
  const body = new Uint8Array(await answer.arrayBuffer());
  const common = { status: answer.status, headers: answer.headers };
  if (answer.status === 200) return { ...common, value: fromBinary(response, body) as ResponseOf<M>, error: undefined };
  return { ...common, value: undefined, error: fromBinary(ResultSchema, body) };
}

/** The values of `/metrics`, by name with labels. */
export async function metricsOf({ httpPort }: Pick<Address, 'httpPort'>): Promise<Map<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}
