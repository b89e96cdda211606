import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from './connection.js';
import type { Account } from './frames.js';
import type { ConnectsJob, Metrics } from './job.js';
import { spread, Stopwatch, type Timed } from './meter.js';

/** A connection is left open for so long: what the server does behind the CONNACK belongs to it. */
const STAY_MS = 300;
/** Without a delivery for so long a run has failed. */
const DELIVERY_MS = 10_000;

/**
 * Milliseconds from opening the TCP connection of a device that is known to its CONNACK, and, where messages wait for
 * it, to the first of them; one after another at a rate, and then all of a kind at once.
 */
export async function connects(job: ConnectsJob): Promise<Metrics> {
  const known: Timed[] = [];
  const waiting: Timed[] = [];
  const together: Timed[] = [];
  for (const account of job.warm) await connectOnce(job, account, false);
  const startedAt = performance.now();
  let due = startedAt;
  const open: Promise<unknown>[] = [];
  for (let i = 0; i < Math.max(job.known.length, job.waiting.length); i++) {
    for (const [accounts, samples, delivered] of [[job.known, known, false], [job.waiting, waiting, true]] as const) {
      if (i >= accounts.length) continue;
      await sleep(Math.max(0, due - performance.now()));
      due += 1000 / job.perSecond;
      open.push(connectOnce(job, accounts[i], delivered).then((timed) => samples.push(timed)));
    }
  }
  await Promise.all(open);
  for (let round = 0; round < job.rounds; round++) {
    const times = await Promise.all(job.together.map((account) => connectOnce(job, account, false)));
    together.push(times.reduce((last, one) => (one.ms > last.ms ? one : last)));
    await sleep(STAY_MS);
  }
  return { ...spread('connect', known), ...spread('waiting', waiting), ...spread('together', together) };
}

/** To the CONNACK, or to the first delivery. */
async function connectOnce({ server, pid, deliveryTopicEnd }: ConnectsJob, account: Account, delivered: boolean): Promise<Timed> {
  const watch = new Stopwatch(pid);
  let arrived: (timed: Timed) => void = () => undefined;
  const first = new Promise<Timed>((resolve) => (arrived = resolve));
  const handler = {
    acknowledged: () => {},
    arrived: (chunk: Buffer, topicAt: number, topicEnd: number) => {
      if (chunk.toString('latin1', topicAt, topicEnd).endsWith(deliveryTopicEnd)) arrived(watch.read());
    },
    turn: () => {},
    afterTurn: () => {},
  };
  const { connection, sessionPresent } = await Connection.open(server, account, handler);
  const connack = watch.read();
  if (!sessionPresent) throw new Error(`${account.clientId}: the server does not know its session`);
  const late = new AbortController();
  const timed = delivered ? await Promise.race([first, sleep(DELIVERY_MS, undefined, { signal: late.signal })]) : connack;
  late.abort();
  if (timed === undefined) throw new Error(`${account.clientId}: nothing was delivered`);
  await sleep(STAY_MS);
  if (connection.error) throw connection.error;
  await connection.leave();
  return timed;
}
