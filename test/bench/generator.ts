import { fork, type ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer, Job, Metrics } from './load/job.js';
import { workFolder } from './peers/process.js';

const script = (name: string) => fileURLToPath(new URL(`./load/${name}.js`, import.meta.url));

/** Runs one job in a load generator of its own process. */
export async function generate(job: Job): Promise<Metrics> {
  const child = fork(script('main'));
  child.send(job);
  const answer = await message<Answer>(child, 'the load generator');
  if ('error' in answer) throw new Error(answer.error);
  return answer.metrics;
}

/** Measures something, and beside it the bare write-and-fdatasync loop at a rate: what the disk does by itself meanwhile. */
export async function besideDisk(perSecond: number, measure: () => Promise<Metrics>): Promise<Metrics> {
  const folder = await workFolder();
  const loop = fork(script('disk-loop'), [join(folder, 'loop'), String(perSecond)]);
  try {
    const metrics = await measure();
    loop.send('stop');
    return { ...metrics, ...(await message<Metrics>(loop, 'the disk loop')) };
  } finally {
    loop.kill();
    await rm(folder, { recursive: true });
  }
}

function message<T>(child: ChildProcess, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once('message', (value) => resolve(value as T));
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${name} ended without an answer (${signal ?? code})`)));
  });
}
