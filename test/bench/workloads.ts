import { besideDisk, generate } from './generator.js';
import { listsWorkload } from './lists/workload.js';
import { clientsOf, groupOf, pairsOf } from './plans.js';
import type { Row, Workload } from './workload.js';

const pairCount = 50;
const window = 20;
const groupSenders = 4;
const idleClients = 5000;
const idleBaseline = 100;
const reconnectingClients = 2000;
const million = 1_000_000;

const perSecond = (label: string): Row => ({ metric: 'perSecond', label, unit: 'messages/s', digits: 0, ratio: true });
const serverCpu: Row = { metric: 'serverCpuUs', label: 'server CPU', unit: 'µs/message', digits: 1, ratio: true };
const generatorCpu: Row = { metric: 'generatorCpu', label: 'load generator', unit: 'of a core', digits: 2, ratio: false };
const faster = { metric: 'perSecond', higher: true };

export const workloads: Workload[] = [
  {
    name: 'throughput',
    title: `${pairCount} pairs, ${pairCount * window} in flight`,
    rows: [perSecond('throughput'), serverCpu, generatorCpu],
    best: faster,
    run: async (server, peer, scale) =>
      generate({ kind: 'throughput', ...(await pairsOf(server, peer, pairCount)), window, warmMs: scale.warmMs, measureMs: scale.measureMs }),
  },
  latency(1000),
  latency(5000),
  drain('drain-1', 1, 10_000, 100),
  drain('drain-50', 50, 1000, window),
  fanOut(256),
  fanOut(1024),
  fanOutAway(2),
  fanOutAway(1024),
  listsWorkload(),
  {
    name: 'idle',
    title: `${idleClients.toLocaleString('en')} idle connections`,
    rows: [
      { metric: 'residentKb', label: 'resident memory', unit: 'KB each', digits: 1, ratio: true },
      { metric: 'anonymousKb', label: 'of it not page cache', unit: 'KB each', digits: 1, ratio: false },
    ],
    best: { as: 'latency-1000' },
    run: async (server, peer, scale) =>
      generate({ kind: 'idle', ...(await clientsOf(server, peer, idleClients + idleBaseline)), baseline: idleBaseline, settleMs: scale.settleMs }),
  },
  {
    name: 'reconnect',
    title: `${reconnectingClients.toLocaleString('en')} reconnecting at once`,
    rows: [
      { metric: 'seconds', label: 'until all are back', unit: 's', digits: 2, ratio: true },
      { metric: 'serverCpuUs', label: 'server CPU', unit: 'µs each', digits: 0, ratio: true },
    ],
    best: { as: 'latency-1000' },
    run: async (server, peer, scale) =>
      generate({ kind: 'reconnect', ...(await clientsOf(server, peer, reconnectingClients)), settleMs: scale.settleMs }),
  },
  {
    name: 'million',
    title: 'a million messages',
    rows: [
      ...[10, 40, 70, 100].flatMap((percent): Row[] => [
        { metric: `resident${percent}`, label: `resident memory at ${percent} %`, unit: 'MB', digits: 0, ratio: false },
        { metric: `anonymous${percent}`, label: 'of it not page cache', unit: 'MB', digits: 0, ratio: false },
      ]),
      perSecond('throughput'),
    ],
    best: { as: 'throughput' },
    once: { peers: ['Godwit'] },
    run: async (server, peer) =>
      generate({ kind: 'count', ...(await pairsOf(server, peer, pairCount)), window, messages: million, marks: [0.1, 0.4, 0.7, 1] }),
  },
];

function latency(rate: number): Workload {
  return {
    name: `latency-${rate}`,
    title: `${rate.toLocaleString('en')} messages/s`,
    rows: [
      { metric: 'p50', label: 'latency p50', unit: 'ms', digits: 2, ratio: true },
      { metric: 'p99', label: 'latency p99', unit: 'ms', digits: 2, ratio: true },
      { metric: 'diskP50', label: 'write + fdatasync beside it, p50', unit: 'ms', digits: 2, ratio: false },
      { metric: 'diskP99', label: 'write + fdatasync beside it, p99', unit: 'ms', digits: 2, ratio: false },
      serverCpu,
      generatorCpu,
    ],
    // Nagle's algorithm and delayed acknowledgements show in the tail.
    best: { metric: 'p99', higher: false },
    run: async (server, peer, scale) => {
      const plan = await pairsOf(server, peer, pairCount);
      return besideDisk(rate, () =>
        generate({ kind: 'paced', ...plan, perSecond: rate, burstMs: scale.burstMs, warmMs: scale.steadyMs, measureMs: scale.measureMs }),
      );
    },
  };
}

function drain(name: string, devices: number, queued: number, fillWindow: number): Workload {
  const each = queued.toLocaleString('en');
  return {
    name,
    title: devices === 1 ? `${each} queued for one device` : `${each} queued for each of ${devices}`,
    rows: [perSecond('drain'), serverCpu, generatorCpu],
    best: faster,
    run: async (server, peer, scale) => {
      const repeats = scale.drains[devices === 1 ? 0 : 1];
      return generate({ kind: 'drain', ...(await pairsOf(server, peer, devices)), window: fillWindow, queued, repeats });
    },
  };
}

/** Four members send, all others receive. */
function fanOut(members: number): Workload {
  return {
    name: `group-${members}`,
    title: `a group of ${members.toLocaleString('en')}, all connected`,
    rows: [
      { metric: 'perSecond', label: 'deliveries', unit: 'deliveries/s', digits: 0, ratio: true },
      { metric: 'serverCpuUs', label: 'server CPU', unit: 'µs/delivery', digits: 2, ratio: true },
      generatorCpu,
    ],
    best: { metric: 'serverCpuUs', higher: false },
    run: async (server, peer, scale) => generate({ kind: 'fan-out', ...(await groupOf(server, peer, groupSenders, members)), window, warmMs: scale.warmMs, measureMs: scale.measureMs }),
  };
}

/** One member sends, nobody else is there. */
function fanOutAway(members: number): Workload {
  return {
    name: `group-${members}-away`,
    title: `a group of ${members.toLocaleString('en')}, the others away`,
    rows: [perSecond('throughput'), serverCpu, generatorCpu],
    best: faster,
    once: { peers: ['Godwit'] },
    run: async (server, peer, scale) => generate({ kind: 'fan-out', ...(await groupOf(server, peer, 1, members)), away: true, window, warmMs: scale.warmMs, measureMs: scale.measureMs }),
  };
}
