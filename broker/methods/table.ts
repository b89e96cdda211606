import { createHash } from 'node:crypto';
import { Code, create, fromBinary, GodwitError, isMethod, isRetry, limits, methods, toBinary, type Method, type MethodName } from 'godwit-schemas';
import type { Logger } from 'pino';
import { RefusedError, type Caller, type Limiter, type MethodHandler, type Plugin, type Refusal } from '../ports/plugin.js';
import { CallMemory, type Outcome } from './call-memory.js';

type Request = Parameters<typeof toBinary>[1];

export interface MethodTableOptions {
  /** Control calls of a user. */
  calls: Limiter;
  log: Logger;
  /** Unix milliseconds. */
  now(): number;
}

/**
 * The control calls that the plugins answer, by name; both doors (`rpc/<method>` and `POST /v1/<method>`) call here.
 * Where two plugins answer the same method, the first in the list does.
 */
export class MethodTable {
  private readonly handlers = new Map<string, MethodHandler>();
  private readonly memory: CallMemory;

  constructor(plugins: readonly Plugin[], private readonly options: MethodTableOptions) {
    for (const plugin of plugins) {
      for (const [name, handler] of Object.entries(plugin.methods ?? {})) {
        if (!this.handlers.has(name)) this.handlers.set(name, handler);
      }
    }
    this.memory = new CallMemory({ ms: limits.callMemoryMs.value, count: limits.callMemory.value, bytes: limits.callMemoryBytes.value }, options.now);
  }

  /** What is known of a method that is answered here; undefined: UNKNOWN_METHOD. */
  method(name: string): Method | undefined {
    return isMethod(name) && this.handlers.has(name) ? methods[name] : undefined;
  }

  /**
   * Calls a method. A repeat of a call id by the same user gets the first answer, as long as that is remembered; so
   * does a repeat while the first is under way. A refusal that is worth a retry is not remembered, nor is an answer of
   * a method that only reads.
   * @param callId empty: the call is not remembered
   * @param params the encoded request
   * @returns the encoded response, or why not; never rejects
   */
  async call(caller: Caller, name: string, callId: Uint8Array, params: Uint8Array): Promise<Outcome> {
    const method = this.method(name);
    if (!method) return unknownMethod();
    let request: Request;
    try {
      request = fromBinary(method.request, params);
    } catch {
      return { code: Code.MALFORMED, text: `params are no ${method.request.typeName}` };
    }
    return this.callMessage(caller, name, callId, request);
  }

  /** As `call`, with the request decoded. */
  async callMessage(caller: Caller, name: string, callId: Uint8Array, request: Request): Promise<Outcome> {
    const method = this.method(name);
    if (!method) return unknownMethod();
    const wait = this.options.calls.take(caller.user);
    if (wait > 0) return { code: Code.RATE_LIMITED, text: 'too many calls', retryAfterMs: wait };
    if (method.who === 'admin' && !caller.admin) return { code: Code.NOT_ALLOWED, text: `${name} asks for a token with the claim admin` };
    if (callId.length > limits.callIdBytes.value) return { code: Code.TOO_LARGE, text: `a call id has at most ${limits.callIdBytes.value} bytes` };
    const run = (): Promise<Outcome> => this.run(caller, name as MethodName, method, request, callId);
    if (callId.length === 0 || method.reads) return run();
    const key = `${caller.user} ${Buffer.from(callId).toString('latin1')}`;
    const fingerprint = createHash('sha256').update(name).update('\0').update(toBinary(method.request, request)).digest('base64');
    const outcome = this.memory.once(key, fingerprint, run, (it) => it instanceof Uint8Array || !isRetry(it.code));
    return outcome ?? { code: Code.CONFLICT, text: 'this call id was used for another call' };
  }

  private async run(caller: Caller, name: MethodName, method: Method, request: Request, callId: Uint8Array): Promise<Outcome> {
    try {
      const response = await this.handlers.get(name)!(caller, request, callId);
      return response instanceof Uint8Array ? response : toBinary(method.response, create(method.response, response as Record<string, unknown>));
    } catch (error) {
      if (error instanceof RefusedError) return error.refusal;
      if (error instanceof GodwitError) return { code: error.code, text: error.message, ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }) };
      this.options.log.error({ method: name, user: caller.user, err: error }, 'control call failed');
      return { code: Code.INTERNAL, text: 'the server could not do this; try again' };
    }
  }
}

function unknownMethod(): Refusal {
  return { code: Code.UNKNOWN_METHOD, text: 'there is no such method' };
}
