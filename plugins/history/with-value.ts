import type { MaybePromise } from '../../broker/ports/conversation-log.js';

/**
 * Goes on at once where the value is at hand, else when it is. An `async` function costs half a kilobyte of garbage
 * and a turn of the microtask queue also where nothing is waited for: for each of a thousand conversations, several times.
 */
export function withValue<A, B>(value: MaybePromise<A>, next: (value: A) => MaybePromise<B>): MaybePromise<B> {
  return value instanceof Promise ? value.then(next) : next(value);
}
