import { setTimeout as sleep } from 'node:timers/promises';
import { memory } from '../process-stats.js';
import { Connection, openAll, type Server } from './connection.js';
import type { ClientPlan, IdleJob, Metrics, ReconnectJob } from './job.js';
import { Meter } from './meter.js';
import { handshakes } from './pair.js';

/** The server's memory for each connection that is subscribed and silent, in KB: resident, and without page cache. */
export async function idle(job: IdleJob): Promise<Metrics> {
  // The first connections load code and fill pools that all the others share.
  const first = await openSubscribed(job.server, job.clients.slice(0, job.baseline));
  await sleep(job.settleMs);
  const before = memory(job.pid);
  const meter = new Meter(job.pid);
  const rest = await openSubscribed(job.server, job.clients.slice(job.baseline));
  const { generatorCpu } = meter.stop();
  await sleep(job.settleMs);
  const after = memory(job.pid);
  const all = [...first, ...rest];
  const lost = all.find((connection) => connection.error);
  if (lost) throw lost.error;
  await Promise.all(all.map((connection) => connection.drop()));
  return {
    residentKb: (after.resident - before.resident) / 1024 / rest.length,
    anonymousKb: (after.anonymous - before.anonymous) / 1024 / rest.length,
    generatorCpu,
  };
}

/**
 * Longest time until all are back, in ms. A server whose listen queue overflows makes the kernel try again after 1, 3, 7, 15 s;
 * beyond this the numbers are the kernel's.
 */
const reconnectMs = 10_000;

/** Seconds until all that lost their connection have a CONNACK and their session again, when they all come at once. */
export async function reconnect(job: ReconnectJob): Promise<Metrics> {
  const before = await openSubscribed(job.server, job.clients);
  await Promise.all(before.map((connection) => connection.drop()));
  await sleep(job.settleMs);
  const meter = new Meter(job.pid);
  let answered = 0;
  const opened = Promise.all(
    job.clients.map(async ({ account }) => {
      const one = await Connection.open(job.server, account);
      answered++;
      return one;
    }),
  );
  const back = await Promise.race([opened, sleep(reconnectMs, undefined, { ref: false })]);
  if (!back) throw new Error(`after ${reconnectMs / 1000} s only ${answered} of ${job.clients.length} were back`);
  const { seconds, serverCpuUs, generatorCpu } = meter.stop();
  await Promise.all(back.map(({ connection }) => connection.drop()));
  return {
    seconds,
    serverCpuUs: serverCpuUs / back.length,
    generatorCpu,
    sessionsLost: back.filter(({ sessionPresent }) => !sessionPresent).length,
  };
}

function openSubscribed(server: Server, clients: ClientPlan[]): Promise<Connection[]> {
  return openAll(clients.length, handshakes, async (index) => {
    const { connection } = await Connection.open(server, clients[index].account);
    await connection.subscribe(clients[index].filter);
    return connection;
  });
}
