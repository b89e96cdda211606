import type { TestContext } from 'node:test';

const stepMs = 50;

/** Time that passes when it is told to: timers, and the monotonic clock. Sockets and promises go on by themselves. */
export class FakeTime {
  #ms = 1_000;

  constructor(private readonly t: TestContext) {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    t.mock.method(performance, 'now', () => this.#ms);
  }

  get nowMs(): number {
    return this.#ms;
  }

  /** In steps, and all that follows from one of them comes before the next. */
  async pass(ms: number): Promise<void> {
    for (const end = this.#ms + ms; this.#ms < end; ) {
      const step = Math.min(stepMs, end - this.#ms);
      this.#ms += step;
      this.t.mock.timers.tick(step);
      await settle();
    }
  }
}

/** What follows from promises alone has happened. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
