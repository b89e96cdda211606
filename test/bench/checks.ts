import type { Results } from './results.js';

/** A promise about Godwit's speed, beside Mosquitto in the same run. */
export interface Check {
  text: string;
  value: number;
  bound: number;
  unit: string;
  /** The value must be at least the bound, or at most. */
  atLeast: boolean;
  must: boolean;
}

const own = 'Godwit';
const reference = 'Mosquitto';

/** Those of which something was measured. */
export function checks(results: Results): Check[] {
  const median = (workload: string, metric: string) => results.median(workload, own, metric);
  const times = (workload: string, metric: string) => results.ratio(workload, own, metric, reference);
  const must = { must: true, unit: `times ${reference}'s` };
  const aim = { must: false, unit: `times ${reference}'s` };
  const least = { atLeast: true };
  const most = { atLeast: false };
  return [
    { text: 'CPU per message', value: times('throughput', 'serverCpuUs'), bound: 0.7, ...must, ...most },
    { text: 'throughput', value: times('throughput', 'perSecond'), bound: 1.3, ...must, ...least },
    { text: 'drain to one device', value: times('drain-1', 'perSecond'), bound: 0.7, ...must, ...least },
    { text: 'drain to 50 devices', value: times('drain-50', 'perSecond'), bound: 0.7, ...must, ...least },
    { text: 'p50 at 1,000/s', value: median('latency-1000', 'p50'), bound: 3, ...must, unit: 'ms', ...most },
    { text: 'CPU per message at 1,000/s', value: times('latency-1000', 'serverCpuUs'), bound: 4, ...must, ...most },
    { text: 'p99 at 1,000/s above that of write + fdatasync', value: overDisk(results), bound: 5, ...must, unit: 'ms', ...most },
    { text: 'CPU per delivery in a group of 256', value: times('group-256', 'serverCpuUs'), bound: 0.5, ...must, ...most },
    { text: 'CPU per delivery in a group of 1,024', value: times('group-1024', 'serverCpuUs'), bound: 0.5, ...must, ...most },
    // Less the time that the server waited for a core: others use the machine as well.
    { text: 'p99 of a page of 50 messages, less waiting for a core', value: median('lists', 'page50CalmP99'), bound: 5, ...must, unit: 'ms', ...most },
    { text: 'p99 of a page of 200 messages, less waiting for a core', value: median('lists', 'page200CalmP99'), bound: 5, ...must, unit: 'ms', ...most },
    { text: 'p99 of a list of 1,000 conversations, less waiting for a core', value: median('lists', 'listCalmP99'), bound: 50, ...must, unit: 'ms', ...most },
    { text: 'p99 of a connect with 1,000 conversations, less waiting for a core', value: median('lists', 'connectCalmP99'), bound: 50, ...must, unit: 'ms', ...most },
    { text: 'p99 of a connect until the first of what waits, less waiting for a core', value: median('lists', 'waitingCalmP99'), bound: 50, ...must, unit: 'ms', ...most },
    { text: 'an idle connection', value: median('idle', 'residentKb'), bound: 20, ...must, unit: 'KB', ...most },
    {
      text: 'memory (without page cache) after a million messages beside 400,000',
      value: median('million', 'anonymous100') / median('million', 'anonymous40'),
      bound: 1.2,
      must: true,
      unit: 'times',
      ...most,
    },
    { text: 'CPU per message', value: times('throughput', 'serverCpuUs'), bound: 0.4, ...aim, ...most },
    { text: 'throughput', value: times('throughput', 'perSecond'), bound: 2.5, ...aim, ...least },
    { text: 'drain to one device', value: times('drain-1', 'perSecond'), bound: 2, ...aim, ...least },
    { text: 'drain to 50 devices', value: times('drain-50', 'perSecond'), bound: 2, ...aim, ...least },
    { text: 'CPU per delivery in a group of 256', value: times('group-256', 'serverCpuUs'), bound: 0.25, ...aim, ...most },
    { text: 'CPU per delivery in a group of 1,024', value: times('group-1024', 'serverCpuUs'), bound: 0.25, ...aim, ...most },
    { text: 'an idle connection', value: median('idle', 'residentKb'), bound: 8, ...aim, unit: 'KB', ...most },
  ].filter(({ value }) => !Number.isNaN(value));
}

/** The difference is taken round by round: a stall of the disk hits the loop and the server of the same round. */
function overDisk(results: Results): number {
  const differences = results
    .of('latency-1000', own)
    .flatMap(({ metrics }) => (metrics ? metrics.p99 - metrics.diskP99 : []))
    .sort((a, b) => a - b);
  return differences[Math.ceil(differences.length / 2) - 1] ?? NaN;
}

export const holds = ({ value, bound, atLeast }: Check): boolean => (atLeast ? value >= bound : value <= bound);

export function checkLine(check: Check): string {
  const { text, value, bound, unit, atLeast, must } = check;
  const verdict = must ? (holds(check) ? 'holds' : 'does not hold') : holds(check) ? 'reached' : 'not reached';
  return `${must ? 'must' : 'aim '} ${text} ${atLeast ? 'at least' : 'at most'} ${bound} ${unit}: ${value.toFixed(2)} (${verdict})`;
}
