import { between, type Random } from './seeded.js';

/** What can go wrong, with how often a minute it does. */
const perMinute = {
  /** kill -9, and started again on the same folder. */
  'server killed': 6,
  /** Some devices hear nothing any more; a moment later the server is killed, with what it believes to have given them. */
  'cut, then killed': 6,
  /** SIGTERM, and started again. */
  'server stopped': 3,
  /** SIGSTOP, SIGCONT. */
  'server frozen': 6,
  'clients killed': 12,
  'clients frozen': 9,
  /** A link forwards nothing any more, and is not closed: both ways, or one. */
  'half-open': 18,
  'half-open upwards': 9,
  'half-open downwards': 9,
  /** Forwards nothing for a while, then everything. */
  'stalled': 12,
  /** Late, in small pieces, few bytes a second. */
  'slowed': 12,
  /** RST, in the middle of a packet if one is under way. */
  'reset': 24,
  /** A second connection with the same client id. */
  'taken over': 24,
  /** Free space below the floor: STORAGE_FULL. */
  'disk low': 5,
  /** Not a byte left. */
  'disk full': 3,
} as const;

export type FaultKind = keyof typeof perMinute;
export const faultKinds = Object.keys(perMinute) as FaultKind[];

export interface Fault {
  /** From the start of the round. */
  atMs: number;
  kind: FaultKind;
  /** A client id, or the number of a process; empty for the server and its disk. */
  target: string;
  /** How long it lasts, or how long until what was killed is started again. */
  forMs: number;
}

export interface FaultOptions {
  seconds: number;
  disk: boolean;
  /** So many times as often as usual. */
  storm: number;
  devices: readonly string[];
  processes: number;
}

/** The time before the first fault. */
const PEACE_MS = 500;

/** When what goes wrong; every kind at least once. */
export function planFaults(random: Random, { seconds, disk, storm, devices, processes }: FaultOptions): Fault[] {
  const faults: Fault[] = [];
  for (const kind of faultKinds) {
    if (!disk && kind.startsWith('disk')) continue;
    const count = Math.max(1, Math.round((perMinute[kind] * storm * seconds) / 60));
    for (let i = 0; i < count; i++) {
      const atMs = PEACE_MS + random.below(Math.max(1, seconds * 1_000 - PEACE_MS));
      faults.push({ atMs, kind, target: targetOf(kind, random, devices, processes), forMs: durationOf(kind, random) });
    }
  }
  return faults.sort((one, other) => one.atMs - other.atMs);
}

function targetOf(kind: FaultKind, random: Random, devices: readonly string[], processes: number): string {
  if (kind.startsWith('server') || kind.startsWith('disk') || kind === 'cut, then killed') return '';
  if (kind.startsWith('clients')) return String(random.below(processes));
  return random.pick(devices);
}

function durationOf(kind: FaultKind, random: Random): number {
  switch (kind) {
    case 'server killed':
    case 'cut, then killed':
    case 'server stopped':
      return random.chance(0.7) ? between(random, 0, 200) : between(random, 200, 2_000);
    case 'clients killed':
      if (random.chance(0.15)) return between(random, 4_000, 9_000);
      return random.chance(0.5) ? between(random, 0, 300) : between(random, 300, 4_000);
    case 'disk low':
      return between(random, 1_500, 4_000);
    case 'disk full':
      return between(random, 1_000, 3_000);
    default:
      return random.chance(0.8) ? between(random, 200, 2_500) : between(random, 2_500, 6_000);
  }
}
