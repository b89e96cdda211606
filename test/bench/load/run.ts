import { calls } from './calls.js';
import { connects } from './connects.js';
import { idle, reconnect } from './connections.js';
import { drain } from './drain.js';
import { fanOut } from './fan-out.js';
import type { Job, Metrics } from './job.js';
import { paced } from './paced.js';
import { count, throughput } from './throughput.js';

export function runJob(job: Job): Promise<Metrics> {
  switch (job.kind) {
    case 'throughput':
      return throughput(job);
    case 'count':
      return count(job);
    case 'paced':
      return paced(job);
    case 'drain':
      return drain(job);
    case 'idle':
      return idle(job);
    case 'fan-out':
      return fanOut(job);
    case 'reconnect':
      return reconnect(job);
    case 'calls':
      return calls(job);
    case 'connects':
      return connects(job);
  }
}
