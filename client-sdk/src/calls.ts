import { callSchemas, Code, create, fromBinary, GodwitError, publishTopics, RequestSchema, ResponseSchema, toBinary, type MessageInitShape, type MethodName, type methods, type ResponseOf } from 'godwit-schemas';
import type { Controls } from './controls.js';
import type { Result } from './outbox.js';
import { idText } from './ids.js';
import { abortable, Deferred, throwIfAborted } from './wait.js';

/** Calls that wait for an answer; one more is refused. */
const most = 256;

/** How long an answer is waited for. */
export interface CallOptions {
  /** Stops waiting. The call may have been done all the same. */
  readonly signal?: AbortSignal;
  /** Milliseconds until it must be answered. Default 30 s. */
  readonly timeoutMs?: number;
}

/** The fields of a method's request. */
export type CallRequest<M extends MethodName> = MessageInitShape<(typeof methods)[M]['request']>;

interface Open {
  topic: string;
  payload: Uint8Array;
  value: Deferred<Uint8Array>;
}

/** Control calls. A call that is not answered when the connection is lost is made again on the next, under its call id: it is done once. */
export class Calls {
  #open = new Map<string, Open>();

  constructor(
    private readonly controls: Controls,
    private readonly newId: () => Uint8Array,
    private readonly timeoutMs: number,
  ) {}

  /** @param callId of a call that may have been made before, which is then not done twice. */
  async call<M extends MethodName>(method: M, request: CallRequest<M>, { signal, timeoutMs = this.timeoutMs }: CallOptions = {}, callId = this.newId()): Promise<ResponseOf<M>> {
    throwIfAborted(signal);
    if (this.#open.size >= most) throw new GodwitError(Code.LIMIT_REACHED, `${most} calls wait for an answer`);
    const id = idText(callId);
    const schemas = callSchemas(method);
    const params = toBinary(schemas.request, create(schemas.request, request));
    const payload = toBinary(RequestSchema, create(RequestSchema, { callId, params }));
    const call: Open = { topic: publishTopics.rpc(method), payload, value: new Deferred() };
    const timer = setTimeout(() => call.value.reject(new GodwitError(Code.UNAVAILABLE, `${method}: no answer in ${timeoutMs} ms`)), timeoutMs);
    this.#open.set(id, call);
    this.#publish(call);
    try {
      return fromBinary(schemas.response, await abortable(call.value.promise, signal)) as ResponseOf<M>;
    } finally {
      clearTimeout(timer);
      this.#open.delete(id);
    }
  }

  get waiting(): boolean {
    return this.#open.size > 0;
  }

  /** Connected: everything that is not answered is asked again. */
  ready(): void {
    for (const call of this.#open.values()) this.#publish(call);
  }

  /** An answer has arrived. @throws when it is none. */
  arrived(payload: Uint8Array): void {
    const { callId, value, error } = fromBinary(ResponseSchema, payload);
    const call = this.#open.get(idText(callId));
    if (!call) return;
    if (error) call.value.reject(refusalOf(error));
    else call.value.resolve(value);
  }

  abandon(error: GodwitError): void {
    for (const call of this.#open.values()) call.value.reject(error);
  }

  #publish(call: Open): void {
    this.controls.publish(call.topic, call.payload, (refusal) => {
      if (refusal) call.value.reject(refusalOf(refusal));
    });
  }
}

/** A Result as the error it stands for. */
export function refusalOf({ code, text, retryAfterMs }: Result): GodwitError {
  return new GodwitError(code, text || undefined, retryAfterMs || undefined);
}
