import { limits } from 'godwit-schemas';
import { makeToken } from '../../plugins/auth/token.js';
import { SDK_DEVICE } from './body.js';
import { planFaults, type Fault } from './fault-plan.js';
import { planGroups, type GroupPlan } from './groups.js';
import { between, seeded, type Random } from './seeded.js';

/** `sdk`: the SDK itself. `chat`: what speaks as it does. `plain`: raw topics, as any MQTT device. `live`: a clean session that only listens. */
export type DeviceKind = 'sdk' | 'chat' | 'plain' | 'live';
/** See Intake. */
export type Habit = 'prompt' | 'slow' | 'late' | 'scattered';

export interface DevicePlan {
  clientId: string;
  user: string;
  kind: DeviceKind;
  habit: Habit;
  token: string;
  /** Of its link; known when the links listen. */
  port: number;
  /** Which process of clients it lives in. */
  process: number;
  /** Half seconds without a byte until it takes its connection for dead. */
  deadAfterLooks: number;
  /** After a refusal it goes on to send what is new: the server must refuse it alike. */
  pushy: boolean;
  /** Longest wait before it connects again, ms. */
  patienceMs: number;
  actionsPerSecond: number;
  /** Share of its messages that go at QoS 2. */
  exactlyOnce: number;
  /** A plain device that subscribes to its results. */
  hearsResults: boolean;
  /** Nothing more is said while so many messages wait in its outbox: the quiet end would take too long. */
  mostBacklog: number;
  friends: string[];
  /** Groups that its user is in now and then. */
  groups: GroupPlan[];
  /** The device that makes its user's groups. */
  makes: boolean;
  others: string[];
  /** Of the SDK: by mqtt.js, or by its slim transport over WebSocket. */
  transport?: 'mqtt.js' | 'slim';
}

/** A round of chaos: everything in it follows from the seed. */
export interface Plan {
  seed: number;
  seconds: number;
  processes: number;
  devices: DevicePlan[];
  faults: Fault[];
  /** GODWIT_MESSAGES_PER_MINUTE; 0 = no limit. */
  messagesPerMinute: number;
  /** GODWIT_RETENTION. */
  retention: '30d' | 'delivered';
}

export interface PlanOptions {
  seed: number;
  seconds: number;
  /** Whether the data folder has a file system of its own, which can be filled. */
  disk: boolean;
  /** Default: faults of every kind. */
  faults?: false;
  /** Default 12. */
  users?: number;
}

export const SECRET = 'the secret of the chaos tests, more than 32 bytes';

/** Names that are properties of every object are users like others. */
const NAMES = ['alice', 'bob', 'constructor', 'carol', '__proto__', 'dave', 'erin', 'toString', 'frank', 'grace', 'heidi', 'ivan'];
const PROCESSES = 4;
const SDK_DEVICES = 4;
/** A limit that busy users meet, and what they keep back then. */
const TIGHT = { messagesPerMinute: 240, backlog: 15 };
const BACKLOG = 150;

export function makePlan({ seed, seconds, disk, faults = undefined, users = NAMES.length }: PlanOptions): Plan {
  const random = seeded(seed, 'plan');
  const names = NAMES.slice(0, users);
  const messagesPerMinute = faults !== false && random.chance(0.3) ? TIGHT.messagesPerMinute : 0;
  // Some rounds are busier than others, and some are worse.
  const pace = faults !== false && messagesPerMinute === 0 ? random.pick([1, 1, 2]) : 1;
  const storm = random.pick([1, 2]);
  const devices = names.flatMap((user, index) => devicesOf(user, index, names, { pace, mostBacklog: mostBacklogOf(messagesPerMinute, pace) }, random));
  devices.push(...sdkDevices(names, mostBacklogOf(messagesPerMinute, pace), seeded(seed, 'sdk')));
  const groups = planGroups(names, seeded(seed, 'groups'));
  for (const device of devices) device.groups = groups.filter(({ people }) => people.includes(device.user));
  const planned = faults === false ? [] : planFaults(seeded(seed, 'faults'), { seconds, disk, storm, devices: devices.map(({ clientId }) => clientId), processes: PROCESSES });
  const retention = faults !== false && seeded(seed, 'retention').chance(0.3) ? 'delivered' : '30d';
  return { seed, seconds, processes: PROCESSES, devices, faults: planned, messagesPerMinute, retention };
}

/** Everyone has a device of the SDK's kind; some have a second one of that kind, a plain one, or a live one. */
function devicesOf(user: string, index: number, names: readonly string[], { pace, mostBacklog }: { pace: number; mostBacklog: number }, random: Random): DevicePlan[] {
  const others = names.filter((name) => name !== user);
  const friends = [0, 1, 2].map(() => random.pick(others));
  const second = (['chat', 'plain', undefined, 'plain', 'chat', 'live'] as const)[index % 6];
  const kinds: DeviceKind[] = second ? ['chat', second] : ['chat'];
  return kinds.map((kind, number) => ({
    clientId: `${user}:${'ab'[number]}`,
    user,
    kind,
    habit: random.pick(kind === 'plain' ? (['prompt', 'slow', 'late', 'scattered', 'scattered'] as const) : (['prompt', 'prompt', 'slow', 'slow', 'late'] as const)),
    token: makeToken({ secret: SECRET, user, days: 1, nowMs: Date.now() }),
    port: 0,
    process: between(random, 0, PROCESSES - 1),
    deadAfterLooks: random.pick([2, 3, 6, 10]),
    pushy: random.chance(0.5),
    patienceMs: random.pick([50, 200, 1_500]),
    actionsPerSecond: pace * random.pick([3, 6, 12]),
    exactlyOnce: random.pick([0, 0, 0.1]),
    hearsResults: index % 12 >= 6,
    mostBacklog,
    friends,
    groups: [],
    makes: number === 0,
    others,
  }));
}

function mostBacklogOf(messagesPerMinute: number, pace: number): number {
  return messagesPerMinute > 0 ? TIGHT.backlog : BACKLOG * pace;
}

/** Users who have a device of the SDK too. They write to one another more than to others: what is folded meets on both sides. */
function sdkDevices(names: readonly string[], mostBacklog: number, random: Random): DevicePlan[] {
  const users = names.filter((_, index) => index % 3 === 1).slice(0, SDK_DEVICES);
  return users.map((user, index) => ({
    ...{ clientId: `${user}:${SDK_DEVICE}`, user, kind: 'sdk', port: 0, deadAfterLooks: 0, pushy: false, exactlyOnce: 0, hearsResults: true, mostBacklog, groups: [], makes: false },
    habit: random.pick(['prompt', 'slow']),
    token: makeToken({ secret: SECRET, user, days: 1, nowMs: Date.now() }),
    process: between(random, 0, PROCESSES - 1),
    patienceMs: random.pick([50, 200, 1_500]),
    actionsPerSecond: random.pick([3, 6]),
    friends: [0, 1, 2].map(() => random.pick(users.filter((name) => name !== user))),
    others: names.filter((name) => name !== user),
    // One of each at least.
    transport: index < 2 ? (['mqtt.js', 'slim'] as const)[index] : random.pick(['mqtt.js', 'slim'] as const),
  }));
}

/** Of the server under test: what is not its defaults. */
export function serverEnvironment(plan: Plan, data: string, minFreeBytes: number): Record<string, string> {
  return {
    GODWIT_MQTT_PORT: '0',
    GODWIT_HTTP_PORT: '0',
    GODWIT_DATA: data,
    GODWIT_AUTH_SECRET: SECRET,
    GODWIT_MESSAGES_PER_MINUTE: String(plan.messagesPerMinute),
    GODWIT_CONNECTS_PER_MINUTE: '0',
    GODWIT_RETENTION: plan.retention,
    GODWIT_MIN_FREE_BYTES: String(Math.min(minFreeBytes, limits.minFreeBytes.value)),
  };
}
