import type { Metrics } from './load/job.js';
import type { Peer, Running } from './peers/peer.js';

/** How long and how much: a whole run, `--quick`, or the trial that chooses among a peer's variants. */
export interface Scale {
  warmMs: number;
  /** At full speed, before a latency is measured. */
  burstMs: number;
  /** Then at the rate that is measured: what a server compiled at full speed it compiles anew for a few. */
  steadyMs: number;
  measureMs: number;
  /** Drains of one device, and of 50; the median counts. */
  drains: [one: number, many: number];
  settleMs: number;
}

export const scales = {
  full: { warmMs: 1500, burstMs: 5000, steadyMs: 5000, measureMs: 5000, drains: [7, 9], settleMs: 1500 },
  quick: { warmMs: 1000, burstMs: 2000, steadyMs: 2000, measureMs: 2000, drains: [3, 1], settleMs: 1000 },
  trial: { warmMs: 500, burstMs: 500, steadyMs: 500, measureMs: 1500, drains: [3, 1], settleMs: 200 },
} satisfies Record<string, Scale>;

/** One line of the table. */
export interface Row {
  metric: string;
  label: string;
  unit: string;
  digits: number;
  /** Whether the ratio to Mosquitto is worth printing. */
  ratio: boolean;
}

export interface Workload {
  name: string;
  title: string;
  rows: Row[];
  /** What tells in a trial which variant of a peer serves this workload best; or the workload whose trial tells it. */
  best: { metric: string; higher: boolean } | { as: string };
  /** Runs in the first round only, not with `--quick`, and only with these peers: unless it, or they, are asked for by name. */
  once?: { peers: string[] };
  /** The only peers that have what is measured. */
  only?: string[];
  /** Fills the data folder before the server starts. */
  furnish?(dataFolder: string): Promise<void>;
  run(server: Running, peer: Peer, scale: Scale): Promise<Metrics>;
}
