import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DiskLoop, generate } from './generator.js';
import type { ClientPlan, Job, Metrics, PairPlan } from './load/job.js';
import type { Peer, Running } from './peers/peer.js';
import { workFolder } from './peers/process.js';

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
  run(server: Running, peer: Peer, scale: Scale): Promise<Metrics>;
}

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
      const folder = await workFolder();
      const disk = new DiskLoop(join(folder, 'loop'), rate);
      const job: Job = { kind: 'paced', ...plan, perSecond: rate, burstMs: scale.burstMs, warmMs: scale.steadyMs, measureMs: scale.measureMs };
      try {
        const metrics = await generate(job);
        return { ...metrics, ...(await disk.stop()) };
      } finally {
        disk.end();
        await rm(folder, { recursive: true });
      }
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

async function groupOf(server: Running, { dialect: { payload, group: dialect } }: Peer, senders: number, members: number) {
  const group = 'birds';
  const senderNames = Array.from({ length: senders }, (_, index) => `a${index}`);
  const receiverNames = Array.from({ length: members - senders }, (_, index) => `b${String(index).padStart(4, '0')}`);
  return {
    ...{ server: { host: server.host, port: server.port }, pid: server.pid, payload, publishTopic: dialect.publishTopic(group) },
    senders: await Promise.all(senderNames.map(async (user) => ({ account: await server.account(user, true), filter: dialect.senderFilter?.(user) }))),
    receivers: await Promise.all(
      receiverNames.map(async (user) => ({ account: await server.account(user, false), filter: dialect.receiverFilter(user, group), deliveryTopic: dialect.deliveryTopic(user, group) })),
    ),
    prepare: await server.prepareGroup?.(group, [...senderNames, ...receiverNames]),
  };
}

async function pairsOf(server: Running, peer: Peer, count: number) {
  const { dialect } = peer;
  const pairs = await Promise.all(
    Array.from({ length: count }, async (_, index): Promise<PairPlan> => {
      const [from, to] = [`a${index}`, `b${index}`];
      return {
        sender: await server.account(from, true),
        receiver: await server.account(to, false),
        publishTopic: dialect.publishTopic(to),
        deliveryTopic: dialect.deliveryTopic(to),
        receiverFilter: dialect.receiverFilter(to),
        senderFilter: dialect.senderFilter?.(from),
      };
    }),
  );
  return { server: { host: server.host, port: server.port }, pid: server.pid, payload: dialect.payload, pairs };
}

async function clientsOf(server: Running, peer: Peer, count: number) {
  const clients = await Promise.all(
    Array.from({ length: count }, async (_, index): Promise<ClientPlan> => {
      const user = `c${index}`;
      return { account: await server.account(user, false), filter: peer.dialect.receiverFilter(user) };
    }),
  );
  return { server: { host: server.host, port: server.port }, pid: server.pid, clients };
}
