/** Portable: runs in Node and in pages. */
import type { Client, ClientEvent, EventMap, EventType } from 'godwit-client';

/** Far beyond what anything takes: nothing is timed by it. */
const deadlineMs = 15_000;

/** Everything of some types that a client tells, from now on. */
export class Recorder<T extends EventType> {
  readonly events: EventMap[T][] = [];
  #woken: (() => void)[] = [];

  constructor(client: Client, ...types: T[]) {
    for (const type of types) {
      client.on(type, (event) => {
        this.events.push(event);
        for (const wake of this.#woken.splice(0)) wake();
      });
    }
  }

  /** Resolves when there are that many, or when it is so; fails with what came instead. */
  async until(condition: number | ((events: EventMap[T][]) => boolean)): Promise<EventMap[T][]> {
    const met = typeof condition === 'number' ? () => this.events.length >= condition : () => condition(this.events);
    const late = AbortSignal.timeout(deadlineMs);
    while (!met()) {
      await new Promise<void>((resolve, reject) => {
        this.#woken.push(resolve);
        late.onabort = () => reject(new Error(`not in time; there came ${described(this.events.slice(-30))}`));
      });
    }
    return this.events;
  }
}

/** The texts of messages. */
export function texts(events: readonly ClientEvent[]): (string | undefined)[] {
  return events.map((event) => (event.type === 'message' ? event.text : event.type));
}

/** Anything, for people. */
export function described(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}n` : one instanceof Error ? `${one.name}: ${one.message}` : one instanceof Uint8Array ? `${one.length} bytes` : one), 1);
}
