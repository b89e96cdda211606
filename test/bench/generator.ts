import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, Job, Metrics } from './load/job.js';

const script = (name: string) => fileURLToPath(new URL(`./load/${name}.js`, import.meta.url));

/** Runs one job in a load generator of its own process. */
export async function generate(job: Job): Promise<Metrics> {
  const child = fork(script('main'));
  child.send(job);
  const answer = await message<Answer>(child, 'the load generator');
  if ('error' in answer) throw new Error(answer.error);
  return answer.metrics;
}

/** The bare write-and-fdatasync loop, running in its own process until `stop` or `end`. */
export class DiskLoop {
  private readonly child: ChildProcess;

  constructor(file: string, perSecond: number) {
    this.child = fork(script('disk-loop'), [file, String(perSecond)]);
  }

  stop(): Promise<Metrics> {
    this.child.send('stop');
    return message<Metrics>(this.child, 'the disk loop');
  }

  /** Ends it without an answer, where it has not ended. */
  end(): void {
    this.child.kill();
  }
}

function message<T>(child: ChildProcess, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once('message', (value) => resolve(value as T));
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${name} ended without an answer (${signal ?? code})`)));
  });
}
