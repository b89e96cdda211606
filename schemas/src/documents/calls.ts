import type { MethodName, RequestOf, ResponseOf } from '../methods.js';

type Fields<T> = Partial<Omit<T, '$typeName' | '$unknown'>>;

/** A request and a response of each of these methods. */
export type CallsOf<Name extends MethodName> = { [M in Name]: { request: Fields<RequestOf<M>>; response: Fields<ResponseOf<M>> } };
