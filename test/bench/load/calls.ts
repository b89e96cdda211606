import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallKind, CallsJob, Metrics } from './job.js';
import { percentile, spread, Stopwatch, type Timed } from './meter.js';

interface Sample extends Timed {
  bytes: number;
}

/**
 * Milliseconds from the request to the last byte of its answer, over connections that are kept: each kind of call so
 * many times a second, whatever the others take, its calls in turns.
 */
export async function calls(job: CallsJob): Promise<Metrics> {
  const agent = new Agent({ keepAlive: true });
  const metrics: Metrics = {};
  try {
    for (const kind of job.kinds) Object.assign(metrics, await firstOfEach(job, agent, kind));
    const measures = job.kinds.map((kind) => new Paced(job, agent, kind));
    const running = measures.map((one) => one.run(job.warmMs + job.measureMs));
    await sleep(job.warmMs);
    for (const one of measures) one.samples = [];
    for (const one of running) await one;
    for (const { kind, samples } of measures) Object.assign(metrics, spread(kind.name, samples), { [`${kind.name}Bytes`]: samples.at(-1)?.bytes });
    return metrics;
  } finally {
    agent.destroy();
  }
}

/** The first call of everyone, of what the server has not looked at since its start; each answer is looked into. */
async function firstOfEach(job: CallsJob, agent: Agent, kind: CallKind): Promise<Metrics> {
  const times: number[] = [];
  for (let caller = 0; caller < kind.callers; caller++) {
    const { ms, text } = await call(job, agent, kind, caller);
    times.push(ms);
    const found = kind.items ? (JSON.parse(text!) as Record<string, unknown[]>)[kind.items.field]?.length : undefined;
    if (kind.items && found !== kind.items.count) throw new Error(`${kind.name}: ${found} ${kind.items.field} instead of ${kind.items.count}`);
    await sleep(1000 / kind.perSecond);
  }
  const sorted = times.sort((a, b) => a - b);
  return { [`${kind.name}FirstP50`]: percentile(sorted, 0.5), [`${kind.name}FirstMax`]: percentile(sorted, 1) };
}

class Paced {
  samples: Sample[] = [];
  private next = 0;
  private failed: Error | undefined;

  constructor(private readonly job: CallsJob, private readonly agent: Agent, readonly kind: CallKind) {}

  async run(ms: number): Promise<void> {
    const startedAt = performance.now();
    const open = new Set<Promise<void>>();
    for (let sent = 0; performance.now() - startedAt < ms && !this.failed; sent++) {
      const due = startedAt + (sent * 1000) / this.kind.perSecond;
      await sleep(Math.max(0, due - performance.now()));
      const one = this.one().catch((error: Error) => void (this.failed ??= error)).finally(() => open.delete(one));
      open.add(one);
    }
    await Promise.all(open);
    if (this.failed) throw this.failed;
  }

  private async one(): Promise<void> {
    const { samples } = this;
    samples.push(await call(this.job, this.agent, this.kind, this.next++));
  }
}

function call({ server: { host, port }, pid }: CallsJob, agent: Agent, kind: CallKind, index: number): Promise<Sample & { text?: string }> {
  const caller = index % kind.callers;
  const bodies = kind.bodies[caller];
  const body = bodies?.[Math.floor(index / kind.callers) % bodies.length];
  const watch = new Stopwatch(pid);
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { authorization: kind.tokens[caller], 'content-type': 'application/json', accept: kind.accept ?? 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request({ host, port, agent, method: body === undefined ? 'GET' : 'POST', path: kind.path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const timed = watch.read();
        const all = Buffer.concat(chunks);
        if (answer.statusCode !== 200) return reject(new Error(`${kind.name}: ${answer.statusCode} ${all.toString().slice(0, 200)}`));
        const looked = index < kind.callers && kind.items;
        resolve({ ...timed, bytes: all.length, ...(looked && { text: all.toString() }) });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
