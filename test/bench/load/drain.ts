import { setTimeout as sleep } from 'node:timers/promises';
import { openAll } from './connection.js';
import type { DrainJob, Metrics } from './job.js';
import { Meter, percentile, type Measured } from './meter.js';
import { connectPairs, faults, handshakes, leaveAll, startFlow, total, until } from './pair.js';

/** The server settles for so long between filling and draining. */
const settleMs = 300;

/**
 * Messages a second out of the queue: from the first byte of the receivers' connections until all has arrived and is
 * acknowledged. The median of the repeats.
 */
export async function drain(job: DrainJob): Promise<Metrics> {
  const pairs = await connectPairs(job.server, job.pairs, job.payload);
  const rates: number[] = [];
  const phases: Measured[] = [];
  let sessionsLost = 0;
  for (let repeat = 1; repeat <= job.repeats; repeat++) {
    await Promise.all(pairs.map((pair) => pair.receiver.leave()));
    startFlow(pairs, job.window, repeat * job.queued, Infinity);
    await until(pairs, () => pairs.every((pair) => pair.acknowledged === repeat * job.queued));
    await sleep(settleMs);
    const meter = new Meter(job.pid);
    const startedAt = performance.now();
    const present = await openAll(pairs.length, handshakes, (index) => pairs[index].connectReceiver(job.server));
    await until(pairs, () => pairs.every((pair) => pair.delivered === repeat * job.queued));
    phases.push(meter.stop());
    const seconds = (Math.max(...pairs.map((pair) => pair.lastArrival)) - startedAt) / 1000;
    rates.push((pairs.length * job.queued) / seconds);
    sessionsLost += present.filter((was) => !was).length;
  }
  await leaveAll(pairs);
  return {
    perSecond: median(rates),
    // One drain is short beside the steps of 10 ms in which the kernel tells CPU time: all of them together.
    serverCpuUs: phases.reduce((sum, phase) => sum + phase.serverCpuUs, 0) / (job.repeats * pairs.length * job.queued),
    generatorCpu: median(phases.map((phase) => phase.generatorCpu)),
    othersCpu: median(phases.map((phase) => phase.othersCpu)),
    sessionsLost,
    told: total(pairs, 'told'),
    ...faults(pairs),
  };
}

const median = (values: number[]) => percentile(Float64Array.from(values).sort(), 0.5);
