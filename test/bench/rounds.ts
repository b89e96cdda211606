import type { Metrics } from './load/job.js';
import type { Peer } from './peers/peer.js';
import { Results, type Run } from './results.js';
import { scales, type Scale, type Workload } from './workload.js';
import { workloads } from './workloads.js';

/** One run on a server of its own, which begins empty and ends with it. */
async function runOnce(workload: Workload, peer: Peer, variant: string, scale: Scale): Promise<Metrics> {
  const server = await peer.start(variant, workload.furnish);
  try {
    return await workload.run(server, peer, scale);
  } finally {
    await server.stop();
  }
}

/** A run that fails is a result too: the table says so, and the others go on. */
async function attempt(round: number, workload: Workload, peer: Peer, variant: string, scale: Scale): Promise<Run> {
  const run: Run = { round, workload: workload.name, peer: peer.name, variant };
  try {
    return { ...run, metrics: await runOnce(workload, peer, variant, scale) };
  } catch (error) {
    return { ...run, error: (error as Error).message };
  }
}

/** For each workload the variant of the peer that serves it best, by a short trial. */
class Variants {
  private readonly chosen = new Map<string, string>();

  constructor(private readonly say: Plan['say']) {}

  async of(workload: Workload, peer: Peer): Promise<string> {
    if (peer.variants.length === 1) return peer.variants[0];
    const { best } = workload;
    if ('as' in best) return this.of(workloads.find(({ name }) => name === best.as)!, peer);
    const key = `${workload.name} ${peer.name}`;
    let variant = this.chosen.get(key);
    if (variant === undefined) this.chosen.set(key, (variant = await this.try(workload, peer, best)));
    return variant;
  }

  private async try(workload: Workload, peer: Peer, best: { metric: string; higher: boolean }): Promise<string> {
    const tried: { variant: string; value: number }[] = [];
    for (const variant of peer.variants) {
      const run = await attempt(0, workload, peer, variant, scales.trial);
      const value = run.metrics?.[best.metric] ?? (best.higher ? -Infinity : Infinity);
      tried.push({ variant, value });
    }
    tried.sort((a, b) => (best.higher ? b.value - a.value : a.value - b.value));
    const values = tried.map(({ variant, value }) => `${variant} ${value.toFixed(2)}`).join(', ');
    this.say(`trial    ${workload.name.padEnd(12)} ${peer.name.padEnd(10)} ${best.metric}: ${values}`);
    return tried[0].variant;
  }
}

export interface Plan {
  workloads: Workload[];
  peers: Peer[];
  rounds: number;
  scale: Scale;
  /** Whether a workload runs on a peer at all. */
  includes(workload: Workload, peer: Peer, round: number): boolean;
  say(line: string): void;
}

/** All rounds. Within a round the peers take turns at each workload, so that what the machine does meanwhile hits them alike. */
export async function runRounds(plan: Plan): Promise<Results> {
  const results = new Results();
  const variants = new Variants(plan.say);
  for (let round = 1; round <= plan.rounds; round++) {
    for (const workload of plan.workloads) {
      for (const peer of plan.peers.filter((one) => plan.includes(workload, one, round))) {
        const variant = await variants.of(workload, peer);
        const startedAt = performance.now();
        const run = await attempt(round, workload, peer, variant, plan.scale);
        results.add(run);
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(5);
        plan.say(`round ${round}  ${workload.name.padEnd(12)} ${peer.name.padEnd(10)} ${variant.padEnd(8)} ${seconds} s: ${summary(workload, run)}`);
      }
    }
  }
  return results;
}

function summary(workload: Workload, run: Run): string {
  if (!run.metrics) return `failed: ${run.error}`;
  const rows = workload.rows.map(({ metric, digits, unit }) => `${run.metrics![metric]?.toFixed(digits)} ${unit}`);
  const odd = ['repeated', 'reordered', 'sessionsLost'].filter((name) => run.metrics![name] > 0).map((name) => `${name} ${run.metrics![name]}`);
  return [...rows, ...odd].join(', ');
}
