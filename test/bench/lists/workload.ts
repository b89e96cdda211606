import { besideDisk, generate } from '../generator.js';
import type { CallKind, Metrics } from '../load/job.js';
import type { Account } from '../load/frames.js';
import type { Peer, Running } from '../peers/peer.js';
import { pairsOf } from '../plans.js';
import type { Row, Scale, Workload } from '../workload.js';
import { behindDevice, currentDevice, furnish, listUser, longConversation, type House } from './house.js';

const fullHouse: House = { users: 10, conversations: 1000, groupsOneIn: 20, longPlaces: 4000, behind: 4, behindIn: 300 };

/** Between other pairs, meanwhile. */
const messagesPerSecond = 1000;
const pairs = 50;
/** Of each kind of call. */
const rates = { health: 50, page50: 40, page200: 20, list: 4, listProtobuf: 2, connects: 6 };
/** Of the bare loop beside everything. */
const writesPerSecond = 100;
const placesAsked = 50;

const spreadOf = (name: string, label: string): Row[] =>
  [['P50', 'p50'], ['P95', 'p95'], ['P99', 'p99'], ['CalmP99', 'p99 less waiting for a core']].map(([part, of]) => ({ metric: name + part, label: `${label}, ${of}`, unit: 'ms', digits: 2, ratio: false }));
const one = (metric: string, label: string, unit = 'ms'): Row => ({ metric, label, unit, digits: 2, ratio: false });
const phases = ['quiet', 'pages', 'lists', 'connects'];
const nameOf = (phase: string): string => (phase === 'quiet' ? 'none of it' : phase);

const rows: Row[] = [
  ...spreadOf('page50', 'history.list, 50 messages'),
  ...spreadOf('page200', 'history.list, 200 messages'),
  ...spreadOf('list', 'conversations.list, JSON'),
  one('listFirstMax', 'the first of each user, the longest'),
  ...spreadOf('listProtobuf', 'conversations.list, protobuf'),
  ...spreadOf('connect', 'CONNECT to CONNACK, nothing new'),
  ...spreadOf('waiting', 'CONNECT to the first of what waits'),
  one('togetherP50', 'until all users are in at once'),
  ...phases.flatMap((beside) => [one(`${beside}P50`, `message latency beside ${nameOf(beside)}, p50`), one(`${beside}P99`, 'p99')]),
  ...phases.slice(0, -1).flatMap((beside) => [one(`${beside}HealthP50`, `GET /healthz beside ${nameOf(beside)}, p50`), one(`${beside}HealthP99`, 'p99')]),
  ...phases.map((beside) => one(`${beside}Waited`, `server waited for a core, beside ${nameOf(beside)}`, 'of the time')),
  one('diskP50', 'write + fdatasync beside it all, p50'),
  one('diskP99', 'p99'),
];

/** Pages of history, lists of conversations and connects of users with many, beside messages of others. */
export function listsWorkload(house = fullHouse): Workload {
  return {
    name: 'lists',
    title: `${house.conversations.toLocaleString('en')} conversations a user, beside ${messagesPerSecond.toLocaleString('en')} messages/s`,
    rows,
    best: { as: 'latency-1000' },
    only: ['Godwit'],
    furnish: (folder) => furnish(folder, house),
    run: (server, peer, scale) => besideDisk(writesPerSecond, () => measure(server, peer, scale, house)),
  };
}

async function measure(server: Running, peer: Peer, scale: Scale, house: House): Promise<Metrics> {
  const plan = await pairsOf(server, peer, pairs);
  const accounts = await Promise.all(Array.from({ length: house.users }, (_, index) => server.account(listUser(index), false)));
  const http = { host: server.host, port: server.httpPort! };
  const kinds = kindsOf(accounts, house);
  const { warmMs } = scale;
  const measureMs = 2 * scale.measureMs;

  /** Something for so long, and the messages beside it. */
  async function beside(name: string, otherMs: number, other: () => Promise<Metrics>, burstMs = 0): Promise<Metrics[]> {
    const paced = generate({ kind: 'paced', ...plan, perSecond: messagesPerSecond, burstMs, warmMs, measureMs: Math.max(otherMs - warmMs, scale.measureMs) });
    const [metrics, messages] = await Promise.all([other(), paced]);
    return [metrics, { [`${name}P50`]: messages.p50, [`${name}P99`]: messages.p99, [`${name}Max`]: messages.max, [`${name}CpuUs`]: messages.serverCpuUs, [`${name}Waited`]: messages.serverWaited }];
  }
  const called = (name: string, others: CallKind[], burstMs = 0) => {
    const some = [...others, { ...kinds.health, name: `${name}Health` }];
    const firstMs = some.reduce((sum, { callers, perSecond }) => sum + (callers * 1000) / perSecond, 0);
    return beside(name, burstMs + firstMs + warmMs + measureMs, () => generate({ kind: 'calls', server: http, pid: server.pid, kinds: some, warmMs: burstMs + warmMs, measureMs }), burstMs);
  };

  const quiet = await called('quiet', [], scale.burstMs);
  const pages = await called('pages', [kinds.page50, kinds.page200]);
  const lists = await called('lists', [kinds.list, kinds.listProtobuf]);
  const connecting = connectsOf(accounts, house);
  const connects = await beside('connects', ((connecting.known.length + connecting.waiting.length) * 1000) / rates.connects, () =>
    generate({ kind: 'connects', server: plan.server, pid: server.pid, deliveryTopicEnd: '/msg', perSecond: rates.connects, ...connecting }),
  );
  return Object.assign({}, ...[quiet, pages, lists, connects].flat()) as Metrics;
}

function kindsOf(accounts: Account[], { conversations, longPlaces }: House): Record<'health' | 'page50' | 'page200' | 'list' | 'listProtobuf', CallKind> {
  const everyone = { callers: accounts.length, tokens: accounts.map(({ password }) => `Bearer ${password}`) };
  const page = (limit: number): Pick<CallKind, 'bodies' | 'items'> => ({
    bodies: accounts.map((_, user) =>
      Array.from({ length: placesAsked }, () => JSON.stringify({ conversation: longConversation(user), before: String(limit + 1 + Math.floor(Math.random() * (longPlaces - limit))), limit })),
    ),
    items: { field: 'messages', count: limit },
  });
  const list = { path: '/v1/conversations.list', ...everyone, bodies: accounts.map(() => [JSON.stringify({ limit: conversations })]) };
  return {
    health: { name: 'health', path: '/healthz', perSecond: rates.health, callers: 1, tokens: [], bodies: [] },
    page50: { name: 'page50', path: '/v1/history.list', perSecond: rates.page50, ...everyone, ...page(Math.min(50, longPlaces)) },
    page200: { name: 'page200', path: '/v1/history.list', perSecond: rates.page200, ...everyone, ...page(Math.min(200, longPlaces)) },
    list: { ...list, name: 'list', perSecond: rates.list, items: { field: 'conversations', count: conversations } },
    listProtobuf: { ...list, name: 'listProtobuf', perSecond: rates.listProtobuf, accept: 'application/x-protobuf' },
  };
}

function connectsOf(accounts: Account[], { behind }: House): { warm: Account[]; known: Account[]; waiting: Account[]; together: Account[]; rounds: number } {
  const known = accounts.map((account) => ({ ...account, clientId: `${account.username}:${currentDevice}` }));
  const waiting = Array.from({ length: behind }, (_, index) => accounts.map((account) => ({ ...account, clientId: `${account.username}:${behindDevice(index)}` }))).flat();
  return { warm: known.slice(0, 1), known: Array.from({ length: behind }, () => known).flat(), waiting, together: known, rounds: 5 };
}
