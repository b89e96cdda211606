import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { check, type Verdict } from './checker.js';
import { journalPath } from './client/device.js';
import { Clients } from './clients.js';
import { Filler, FLOOR_BYTES } from './disk.js';
import type { FaultKind } from './fault-plan.js';
import { Faults, type Happened, type Stage } from './faults.js';
import { readHistory, type History } from './history.js';
import { Link, type Tamper } from './link.js';
import { makePlan, serverEnvironment, type Plan, type PlanOptions } from './plan.js';
import { seeded } from './seeded.js';
import { Server } from './server.js';

export interface RoundOptions extends Omit<PlanOptions, 'disk'> {
  /** For plan and journals: a folder of the round's own. */
  folder: string;
  /** Where the data folder is made. */
  dataIn: string;
  /** `dataIn` is a file system of the run's own, which may be filled. */
  disk: boolean;
  /** A fault of the server's kind, planted on the link of one device. */
  tamper?: ReadonlyMap<string, () => Tamper>;
  /** What is missing after a silence of so long counts. */
  longSilenceMs?: number;
}

export interface Round {
  plan: Plan;
  history: History;
  verdict: Verdict;
  /** What happened when, for excerpts. */
  log: Happened[];
  faults: ReadonlyMap<FaultKind, number>;
  /** What stood in the way of the round itself. */
  failures: string[];
  serverOutput: string;
}

/** Nothing new in any journal for so long: then a first look, and on failure the last one. */
const SILENCE_MS = 700;
const LONG_SILENCE_MS = 8_000;
/** The quiet end takes at most so long. */
const END_MS = 60_000;
const LOOK_MS = 100;
const START_MS = 20_000;
const LATE_FAULTS_MS = 20_000;

/** One round: a fresh server, everyone talking, things going wrong, a quiet end, and what the checker says. */
export async function runRound(options: RoundOptions): Promise<Round> {
  const { folder, disk } = options;
  const plan = makePlan(options);
  const data = join(options.dataIn, `data-${plan.seed}`);
  await mkdir(folder, { recursive: true });
  const failures: string[] = [];
  const log: Happened[] = [];
  const failed = (why: string): void => void failures.push(why);
  let faults: Faults;
  const server = new Server(serverEnvironment(plan, data, disk ? FLOOR_BYTES : 0), {
    ended: (how) => faults.serverEnded(how),
    hung: () => failed('the server was started, and neither listens nor ends'),
  });
  const links = new Map<string, Link>();
  for (const device of plan.devices) {
    const link = new Link(() => (device.transport === 'slim' ? server.httpPort : server.port), options.tamper?.get(device.clientId));
    links.set(device.clientId, link);
    device.port = await link.listen();
  }
  await writeFile(join(folder, 'plan.json'), JSON.stringify(plan));
  const clients = Array.from({ length: plan.processes }, (_, number) => new Clients(folder, number, failed));
  const processOf = new Map(plan.devices.map(({ clientId, process }) => [clientId, process]));
  const stage: Stage = { server, clients, links, filler: disk ? new Filler(options.dataIn) : undefined, processOf, log, failed };
  faults = new Faults(stage, seeded(plan.seed, 'how'));
  try {
    await server.start();
    for (const process of clients) process.start();
    // A device that connects for the first time later starts where its user is by then.
    await everyoneConnected(plan, clients);
    for (const process of clients) process.talk();
    faults.plan(plan.faults);
    await sleep(plan.seconds * 1_000);
    // What could not happen at its time was put off: on a slow machine the server may be down for most of it.
    for (const until = Date.now() + LATE_FAULTS_MS; !faults.allBegun && Date.now() < until; ) await sleep(LOOK_MS);
    await faults.end();
    for (const process of clients) process.becomeQuiet();
    const { history, verdict } = await quietEnd(folder, plan, clients, options.longSilenceMs ?? LONG_SILENCE_MS);
    return { plan, history, verdict, log, faults: faults.counts, failures, serverOutput: server.output };
  } finally {
    for (const process of clients) await process.kill();
    for (const link of links.values()) link.close();
    await server.end('SIGKILL');
    await rm(data, { recursive: true, force: true });
  }
}

/**
 * Waits until every device is connected and done, and the checker finds nothing. Time alone proves no loss: what is
 * missing counts only after a long silence of everyone.
 */
async function quietEnd(folder: string, plan: Plan, clients: readonly Clients[], longSilenceMs: number): Promise<{ history: History; verdict: Verdict }> {
  const began = Date.now();
  let size = -1;
  let silentSince = began;
  let lookedAt = 0;
  for (;;) {
    await sleep(LOOK_MS);
    const grown = await journalBytes(folder, plan);
    if (grown !== size) silentSince = Date.now();
    size = grown;
    const silence = Date.now() - silentSince;
    const last = silence >= longSilenceMs || Date.now() - began >= END_MS;
    if (!last && (silence < SILENCE_MS || lookedAt === silentSince || !done(plan, clients))) continue;
    lookedAt = silentSince;
    const history = readHistory(folder, plan);
    const verdict = check(history, plan.retention === 'delivered');
    if (last || verdict.findings.length === 0) return { history, verdict };
  }
}

async function everyoneConnected(plan: Plan, clients: readonly Clients[]): Promise<void> {
  const began = Date.now();
  while (!done(plan, clients)) {
    if (Date.now() - began > START_MS) throw new Error(`not every device was connected within ${START_MS} ms`);
    await sleep(LOOK_MS);
  }
}

function done(plan: Plan, clients: readonly Clients[]): boolean {
  return plan.devices.every(({ clientId, process }) => {
    const status = clients[process].devices[clientId];
    return status?.connected && status.open === 0;
  });
}

async function journalBytes(folder: string, plan: Plan): Promise<number> {
  const sizes = await Promise.all(plan.devices.map(({ clientId }) => stat(journalPath(folder, clientId)).then(({ size }) => size, () => 0)));
  return sizes.reduce((sum, size) => sum + size, 0);
}
