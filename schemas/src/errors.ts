import { Code } from './gen/godwit/v1/code_pb.js';

/** A row of the table of errors. */
export interface ErrorRow {
  code: Code;
  /** As in the enum and in ProtoJSON. */
  name: string;
  meaning: string;
  /** Worth trying again, after `retry_after_ms` where it is given. */
  retry: boolean;
  /** HTTP status; undefined: only seen on MQTT. */
  http: number | undefined;
}

/** Every code, with what it means and what to do. */
export const errors: ReadonlyMap<Code, ErrorRow> = new Map([
  row(Code.OK, 'accepted', false, 200),
  row(Code.MALFORMED, 'it cannot be read: not the payload, topic or id that the contract asks for', false, 400),
  row(Code.TOO_LARGE, 'larger than the limit for it', false, 413),
  row(Code.UNAUTHENTICATED, 'no token, or one that is not, no longer or not yet valid', false, 401),
  row(Code.NOT_ALLOWED, 'the caller may not do this', false, 403),
  row(Code.UNKNOWN_USER, 'there is no such user', false, 404),
  row(Code.UNKNOWN_CONVERSATION, 'there is no such conversation, or the caller is not in it', false, 404),
  row(Code.UNKNOWN_METHOD, 'there is no such control call', false, 404),
  row(Code.CONFLICT, 'something else came first: look again, then decide', false, 409),
  row(Code.EPOCH_CONFLICT, 'the commit was made in another epoch than the log is in', false, 409),
  row(Code.DEVICES_CHANGED, 'the devices are not those that the message was made for; detail says which', false, 409),
  row(Code.LIMIT_REACHED, 'a limit that does not pass with time', false, 409),
  row(Code.RATE_LIMITED, 'too much in this time', true, 429),
  row(Code.STORAGE_FULL, 'the server has no room at present', true, 507),
  row(Code.UNAVAILABLE, 'the server, or something it needs, is not ready', true, 503),
  row(Code.INTERNAL, 'a fault of the server; its log has the details', true, 500),
  row(Code.TAKEN_OVER, 'the same device connected again; this connection ends', false, undefined),
  row(Code.REVOKED, 'the device or its user was removed; this connection ends', false, undefined),
  row(Code.SHUTTING_DOWN, 'the server stops; connect again', true, undefined),
]);

function row(code: Code, meaning: string, retry: boolean, http: number | undefined): [Code, ErrorRow] {
  return [code, { code, name: Code[code], meaning, retry, http }];
}

/** Whether trying again makes sense. A code of a later version than ours is not retried. */
export function isRetry(code: Code): boolean {
  return errors.get(code)?.retry ?? false;
}

/** `RATE_LIMITED`, or `CODE_99` for a code of a later version than ours. */
export function codeName(code: Code): string {
  return errors.get(code)?.name ?? `CODE_${code}`;
}

/** A refusal as an exception. The message is for people; programs look at `code`. */
export class GodwitError extends Error {
  /** @param retryAfterMs milliseconds after which a retry makes sense. */
  constructor(
    readonly code: Code,
    text: string = errors.get(code)?.meaning ?? codeName(code),
    readonly retryAfterMs?: number,
  ) {
    super(text);
    this.name = 'GodwitError';
  }
}
