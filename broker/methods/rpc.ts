import { Code, create, fromBinary, RequestSchema, ResponseSchema, toBinary, type Request } from 'godwit-schemas';
import type { Caller } from '../ports/plugin.js';
import { refusalResult } from './refusal-result.js';
import type { MethodTable } from './table.js';

/**
 * Answers a publish to `rpc/<method>`.
 * @param payload an encoded Request
 * @returns an encoded Response, for `u/<user>/rpc` of the connection that asked; never rejects
 */
export async function answerRpc(table: MethodTable, caller: Caller, method: string, payload: Uint8Array): Promise<Uint8Array> {
  let request: Request;
  try {
    request = fromBinary(RequestSchema, payload);
  } catch {
    const error = refusalResult({ code: Code.MALFORMED, text: 'the payload is no Request' });
    return toBinary(ResponseSchema, create(ResponseSchema, { error }));
  }
  const { callId } = request;
  const outcome = await table.call(caller, method, callId, request.params);
  const response = create(ResponseSchema, outcome instanceof Uint8Array ? { callId, value: outcome } : { callId, error: refusalResult(outcome) });
  return toBinary(ResponseSchema, response);
}
