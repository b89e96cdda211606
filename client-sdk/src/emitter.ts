import type { ClientEvent, EventMap, EventType } from './events.js';
import { EventStream } from './event-stream.js';

/** Takes events of a type. A promise that it returns is waited for before a message counts as dealt with; what it throws is thrown at the app. */
export type Listener<T extends EventType> = (event: EventMap[T]) => unknown;

/** Hands events to listeners and streams. */
export class Emitter {
  #listeners = new Map<EventType, Set<Listener<any>>>();
  #streams = new Set<EventStream<ClientEvent>>();

  /** @param drained called when a stream that was full has room again. */
  constructor(private readonly drained: () => void) {}

  on<T extends EventType>(type: T, listener: Listener<T>): () => void {
    let listeners = this.#listeners.get(type);
    if (!listeners) this.#listeners.set(type, (listeners = new Set()));
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  stream(types: readonly EventType[] | undefined, signal: AbortSignal | undefined): EventStream<ClientEvent> {
    const stream = new EventStream<ClientEvent>(types && new Set(types), signal, {
      drained: this.drained,
      ended: () => this.#streams.delete(stream),
    });
    if (!stream.ended) this.#streams.add(stream);
    return stream;
  }

  /**
   * Hands over one event. `handed` is called when everyone has dealt with it: listeners have returned (and what they
   * returned has settled), and every stream that took it was asked for the next.
   */
  emit(event: ClientEvent, handed?: () => void): void {
    let left = 1;
    const done = (): void => {
      if (--left === 0) handed?.();
    };
    for (const listener of [...(this.#listeners.get(event.type) ?? [])]) {
      try {
        const returned: unknown = listener(event);
        if (!isThenable(returned)) continue;
        left++;
        returned.then(done, (error) => {
          done();
          throwLater(error);
        });
      } catch (error) {
        throwLater(error);
      }
    }
    for (const stream of this.#streams) {
      if (!stream.takes(event.type)) continue;
      left++;
      stream.push(event, done);
    }
    done();
  }

  /** Whether anyone wants to be told of these. */
  wants(type: EventType): boolean {
    if (this.#listeners.get(type)?.size) return true;
    for (const stream of this.#streams) if (stream.takes(type)) return true;
    return false;
  }

  /** Whether every stream can take more. Messages wait until then. */
  get hasRoom(): boolean {
    for (const stream of this.#streams) if (stream.full) return false;
    return true;
  }

  /** Ends every stream; what it still holds counts as not handed over. */
  close(): void {
    for (const stream of [...this.#streams]) stream.close();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function';
}

/** A fault of a listener is the app's: it must not stop the SDK, nor go unseen. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
