/** Milliseconds of a long piece of work before other work has its turn. */
const SLICE_MS = 2;

/** What waits for a slice; whoever has waited the longest is first. */
const line: (() => void)[] = [];

/** Runs something in one of the next rounds of the event loop: in each round one of those that wait, so that ten long pieces of work hold nobody up for longer than one. */
export function inTurn(run: () => void): void {
  line.push(run);
  if (line.length === 1) setImmediate(next);
}

function next(): void {
  const run = line.shift()!;
  if (line.length > 0) setImmediate(next);
  run();
}

/** Cuts what runs over thousands of conversations by time, not by count: what one takes depends on what lies in memory. */
export class Slices {
  private until: number;

  constructor(private readonly now: () => number = () => performance.now()) {
    // Where others wait already, it begins behind them.
    this.until = line.length > 0 ? -Infinity : now() + SLICE_MS;
  }

  /** A promise where the slice is over: to be awaited before going on. */
  pause(): Promise<void> | undefined {
    return this.now() < this.until ? undefined : this.rest();
  }

  /** Begins a slice now: what went before could not be cut. */
  begin(): void {
    this.until = this.now() + SLICE_MS;
  }

  private async rest(): Promise<void> {
    await new Promise<void>(inTurn);
    this.begin();
  }
}
