import type { Metrics } from './load/job.js';
import { percentile } from './load/meter.js';

/** One run of one workload on one peer. */
export interface Run {
  round: number;
  workload: string;
  peer: string;
  variant: string;
  metrics?: Metrics;
  /** Why there are no metrics. */
  error?: string;
}

/** All that was measured, and the medians of it. */
export class Results {
  readonly runs: Run[] = [];

  add(run: Run): void {
    this.runs.push(run);
  }

  of(workload: string, peer: string): Run[] {
    return this.runs.filter((run) => run.workload === workload && run.peer === peer);
  }

  /** The median over the rounds; of an even number, the lower. NaN where nothing was measured. */
  median(workload: string, peer: string, metric: string): number {
    const values = this.of(workload, peer).flatMap((run) => run.metrics?.[metric] ?? []);
    return percentile(Float64Array.from(values.filter((value) => !Number.isNaN(value))).sort(), 0.5);
  }

  /** How many times the reference's median a peer's is. */
  ratio(workload: string, peer: string, metric: string, reference: string): number {
    return this.median(workload, peer, metric) / this.median(workload, reference, metric);
  }
}
