import { setTimeout as sleep } from 'node:timers/promises';
import type { Metrics, PacedJob } from './job.js';
import { Meter, percentile } from './meter.js';
import { connectPairs, faults, finish, leaveAll, startFlow, total, type Pair } from './pair.js';

/** Unacknowledged messages of a pair while the server is warmed up. */
const BURST_WINDOW = 20;

/** Milliseconds from sending to arrival at a steady rate, in an open loop: nobody waits for an acknowledgement. */
export async function paced(job: PacedJob): Promise<Metrics> {
  const pairs = await connectPairs(job.server, job.pairs, job.payload);
  // At a low rate a server whose code is compiled while it runs would be measured while it is still compiling.
  startFlow(pairs, BURST_WINDOW);
  await sleep(job.burstMs);
  await finish(pairs);
  const pace = new Pace(pairs, job.perSecond);
  await sleep(job.warmMs);
  for (const pair of pairs) {
    pair.samples = [];
    pair.sampleFrom = performance.now();
  }
  const before = pace.sent;
  const meter = new Meter(job.pid);
  await sleep(job.measureMs);
  const { seconds, serverCpuUs, serverWaited, generatorCpu, othersCpu } = meter.stop();
  const messages = pace.sent - before;
  pace.stop();
  await finish(pairs);
  await leaveAll(pairs);
  const samples = Float64Array.from(pairs.flatMap((pair) => pair.samples!)).sort();
  return {
    perSecond: messages / seconds,
    p50: percentile(samples, 0.5),
    p99: percentile(samples, 0.99),
    max: percentile(samples, 1),
    serverCpuUs: serverCpuUs / messages,
    serverWaited,
    generatorCpu,
    othersCpu,
    latest: pace.latestMs,
    told: total(pairs, 'told'),
    ...faults(pairs),
  };
}

/** Sends what is due at every tick of 1 ms, the pairs in turns. A tick that comes late sends what was missed. */
class Pace {
  sent = 0;
  /** The longest that a message has waited here beyond the tick it was due at: the generator's own share of the tail. */
  latestMs = 0;
  private readonly startedAt = performance.now();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly pairs: Pair[], private readonly perSecond: number) {
    this.timer = setInterval(() => this.tick(), 1);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    const elapsedMs = performance.now() - this.startedAt;
    const due = Math.floor((elapsedMs * this.perSecond) / 1000);
    if (due > this.sent) this.latestMs = Math.max(this.latestMs, elapsedMs - ((this.sent + 1) * 1000) / this.perSecond);
    while (this.sent < due) this.pairs[this.sent++ % this.pairs.length].sendOne();
  }
}
