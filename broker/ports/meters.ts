import type { Code } from 'godwit-schemas';

/** Counts observations in buckets: two array accesses an observation, read when somebody asks. */
export class Histogram {
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  /** @param bounds upper bounds of the buckets, rising; one more bucket holds what is above the last */
  constructor(readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]) bucket++;
    this.counts[bucket]++;
    this.sum += value;
    this.count++;
  }
}

const MILLISECONDS = [0.5, 1, 2, 3, 5, 8, 12, 20, 35, 60, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/** What the engine counts on its hot path: plain numbers, which the metrics plugin reads at a scrape. */
export class Meters {
  accepted = 0;
  duplicates = 0;
  delivered = 0;
  redelivered = 0;
  refusedConnects = 0;
  readonly refused = new Map<Code, number>();
  /** Milliseconds from a publish's arrival until it is durable. */
  readonly append = new Histogram(MILLISECONDS);
  /** Milliseconds from a message's append until a device acknowledged it. */
  readonly sentToDelivered = new Histogram([...MILLISECONDS, 60_000, 600_000, 3_600_000, 86_400_000, 604_800_000]);
  /** Connections by transport: tcp, tls, ws, wss. */
  readonly connections = new Map<string, number>();
  /** Publishes that wait for their commit. */
  queueDepth = 0;

  refuse(code: Code): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }
}
