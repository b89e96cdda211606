import { setTimeout as sleep } from 'node:timers/promises';
import { memory } from '../process-stats.js';
import type { CountJob, Metrics, ThroughputJob } from './job.js';
import { Meter } from './meter.js';
import { connectPairs, faults, finish, leaveAll, startFlow, total, until } from './pair.js';

/** Messages a second from sender to receiver, and the server's CPU time for each, over a time after a warm-up. */
export async function throughput(job: ThroughputJob): Promise<Metrics> {
  const pairs = await connectPairs(job.server, job.pairs, job.payload);
  startFlow(pairs, job.window);
  await sleep(job.warmMs);
  const before = total(pairs, 'delivered');
  const meter = new Meter(job.pid);
  await sleep(job.measureMs);
  const { seconds, serverCpuUs, generatorCpu, othersCpu } = meter.stop();
  const messages = total(pairs, 'delivered') - before;
  await finish(pairs);
  await leaveAll(pairs);
  return { perSecond: messages / seconds, serverCpuUs: serverCpuUs / messages, generatorCpu, othersCpu, ...faults(pairs) };
}

/** A number of messages in the same fashion, with the server's memory (MB) along the way: `resident10` is at 10 %. */
export async function count(job: CountJob): Promise<Metrics> {
  const pairs = await connectPairs(job.server, job.pairs, job.payload);
  const metrics: Metrics = {};
  const meter = new Meter(job.pid);
  startFlow(pairs, job.window, Math.ceil(job.messages / pairs.length));
  for (const mark of job.marks) {
    await until(pairs, () => total(pairs, 'delivered') >= mark * job.messages);
    const { resident, anonymous } = memory(job.pid);
    const percent = Math.round(mark * 100);
    metrics[`resident${percent}`] = resident / 2 ** 20;
    metrics[`anonymous${percent}`] = anonymous / 2 ** 20;
  }
  await finish(pairs);
  const { seconds, serverCpuUs, generatorCpu, othersCpu } = meter.stop();
  const messages = total(pairs, 'delivered');
  await leaveAll(pairs);
  return { ...metrics, messages, perSecond: messages / seconds, serverCpuUs: serverCpuUs / messages, generatorCpu, othersCpu, ...faults(pairs) };
}
