import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';

/** How long a test waits for something before it fails. Far beyond what anything takes: nothing is timed by it. */
export const DEADLINE_MS = 10_000;

interface Waiter {
  look(): boolean;
}

/** Everything that came, in order. A test waits for what it expects, and fails with what came in its place. */
export class Recorder<T> {
  readonly all: T[] = [];
  private readonly waiters = new Set<Waiter>();
  private listener: ((item: T) => void) | undefined;
  private ended: string | undefined;

  /** @param describe one line for an item, where a test fails */
  constructor(private readonly name: string, private readonly describe: (item: T) => string = (item) => inspect(item, { breakLength: Infinity, depth: 4 })) {}

  add(item: T): void {
    this.all.push(item);
    this.listener?.(item);
    for (const waiter of this.waiters) if (waiter.look()) this.waiters.delete(waiter);
  }

  /** Who hears of each item as it comes; one at a time. */
  listen(listener: (item: T) => void): void {
    this.listener = listener;
  }

  /** Nothing more will come. */
  end(why: string): void {
    this.ended ??= why;
    for (const waiter of this.waiters) if (waiter.look()) this.waiters.delete(waiter);
  }

  /** The first item at or after `from` that fits, once it is there. */
  wait<S extends T>(what: string, fits: (item: T) => item is S, from?: number): Promise<S>;
  wait(what: string, fits: (item: T) => boolean, from?: number): Promise<T>;
  wait(what: string, fits: (item: T) => boolean, from = 0): Promise<T> {
    return this.waitMany(what, 1, fits, from).then(([first]) => first);
  }

  /** The first `count` items at or after `from` that fit. */
  waitMany(what: string, count: number, fits: (item: T) => boolean, from = 0): Promise<T[]> {
    const found: T[] = [];
    let at = from;
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        const lines = this.all.slice(from).slice(-60).map((item) => `  ${this.describe(item)}`);
        const text = `${this.name}: ${why}: ${what} (${found.length} of ${count} came)\n${this.all.length - from} came in all:\n${lines.join('\n')}`;
        reject(new AssertionError({ message: text, stackStartFn: this.waitMany }));
      };
      const look = (): boolean => {
        for (; at < this.all.length && found.length < count; at++) if (fits(this.all[at])) found.push(this.all[at]);
        if (found.length < count && this.ended === undefined) return false;
        clearTimeout(timer);
        if (found.length < count) fail(`ended (${this.ended}) before there was`);
        else resolve(found);
        return true;
      };
      const waiter = { look };
      const timer = setTimeout(() => {
        this.waiters.delete(waiter);
        fail('there was not in time');
      }, DEADLINE_MS);
      if (!look()) this.waiters.add(waiter);
    });
  }
}

/** Waits until something holds that no event tells of, looking again after every turn of other work. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new AssertionError({ message: `not in time: ${what}`, stackStartFn: until });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The promise's value, or a failure if it does not come in time. */
export async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new AssertionError({ message: `not in time: ${what}`, stackStartFn: inTime })), DEADLINE_MS * 2);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
