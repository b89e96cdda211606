import { setTimeout as sleep } from 'node:timers/promises';
import { spread } from './calls.js';
import { Connection } from './connection.js';
import type { Account } from './frames.js';
import type { ConnectsJob, Metrics } from './job.js';

/** A connection is left open for so long: what the server does behind the CONNACK belongs to it. */
const STAY_MS = 300;
/** Without a delivery for so long a run has failed. */
const DELIVERY_MS = 10_000;

/**
 * Milliseconds from opening the TCP connection of a device that is known to its CONNACK, and, where messages wait for
 * it, to the first of them; one after another at a rate, and then all of a kind at once.
 */
export async function connects(job: ConnectsJob): Promise<Metrics> {
  const known: { ms: number }[] = [];
  const waiting: { ms: number }[] = [];
  const together: { ms: number }[] = [];
  for (const account of job.warm) await connectOnce(job, account, false);
  const startedAt = performance.now();
  let due = startedAt;
  const open: Promise<unknown>[] = [];
  for (let i = 0; i < Math.max(job.known.length, job.waiting.length); i++) {
    for (const [accounts, samples, delivered] of [[job.known, known, false], [job.waiting, waiting, true]] as const) {
      if (i >= accounts.length) continue;
      await sleep(Math.max(0, due - performance.now()));
      due += 1000 / job.perSecond;
      open.push(connectOnce(job, accounts[i], delivered).then((ms) => samples.push({ ms })));
    }
  }
  await Promise.all(open);
  for (let round = 0; round < job.rounds; round++) {
    const times = await Promise.all(job.together.map((account) => connectOnce(job, account, false)));
    together.push({ ms: Math.max(...times) });
    await sleep(STAY_MS);
  }
  return { ...spread('connect', known), ...spread('waiting', waiting), ...spread('together', together) };
}

/** @returns ms to the CONNACK, or to the first delivery */
async function connectOnce({ server, deliveryTopicEnd }: ConnectsJob, account: Account, delivered: boolean): Promise<number> {
  const startedAt = performance.now();
  let arrived: (ms: number) => void = () => undefined;
  const first = new Promise<number>((resolve) => (arrived = resolve));
  const handler = {
    acknowledged: () => {},
    arrived: (chunk: Buffer, topicAt: number, topicEnd: number) => {
      if (chunk.toString('latin1', topicAt, topicEnd).endsWith(deliveryTopicEnd)) arrived(performance.now() - startedAt);
    },
    turn: () => {},
    afterTurn: () => {},
  };
  const { connection, sessionPresent } = await Connection.open(server, account, handler);
  const connackMs = performance.now() - startedAt;
  if (!sessionPresent) throw new Error(`${account.clientId}: the server does not know its session`);
  const late = new AbortController();
  const ms = delivered ? await Promise.race([first, sleep(DELIVERY_MS, undefined, { signal: late.signal })]) : connackMs;
  late.abort();
  if (ms === undefined) throw new Error(`${account.clientId}: nothing was delivered`);
  await sleep(STAY_MS);
  if (connection.error) throw connection.error;
  await connection.leave();
  return ms;
}
