import { cpuUs, machineCpuUs, waitedUs } from '../process-stats.js';

export interface Measured {
  seconds: number;
  serverCpuUs: number;
  /** Part of the time that the server's main thread waited for a core. */
  serverWaited: number;
  /** Parts of a core. */
  generatorCpu: number;
  othersCpu: number;
}

/** The measured phase: wall time, CPU time of the server and of the generator, and what all others took meanwhile. */
export class Meter {
  private readonly startedAt = performance.now();
  private readonly server: number;
  private readonly waited: number;
  private readonly own = process.cpuUsage();
  private readonly machine = machineCpuUs();

  constructor(private readonly pid: number) {
    this.server = cpuUs(pid);
    this.waited = waitedUs(pid);
  }

  stop(): Measured {
    const seconds = (performance.now() - this.startedAt) / 1000;
    const serverCpuUs = cpuUs(this.pid) - this.server;
    const own = process.cpuUsage(this.own);
    const ownUs = own.user + own.system;
    const othersUs = machineCpuUs() - this.machine - serverCpuUs - ownUs;
    return { seconds, serverCpuUs, serverWaited: (waitedUs(this.pid) - this.waited) / 1e6 / seconds, generatorCpu: ownUs / 1e6 / seconds, othersCpu: Math.max(0, othersUs / 1e6 / seconds) };
  }
}

/** The value below which `part` of the sorted samples lie (nearest rank). */
export function percentile(sorted: ArrayLike<number>, part: number): number {
  if (sorted.length === 0) return NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))];
}

/**
 * Milliseconds that something takes, and how many of them neither the server's main thread nor this one waited for a
 * core: on a machine that others use as well, what is left is nearer to what the server does.
 */
export class Stopwatch {
  private readonly waited: number;
  private readonly startedAt: number;

  constructor(private readonly pid: number) {
    this.waited = this.waitedMs();
    this.startedAt = performance.now();
  }

  read(): Timed {
    const ms = performance.now() - this.startedAt;
    const waited = this.waitedMs() - this.waited;
    return { ms, calmMs: Number.isNaN(waited) ? ms : Math.max(0, ms - waited) };
  }

  private waitedMs(): number {
    return (waitedUs(this.pid) + waitedUs(process.pid)) / 1000;
  }
}

export interface Timed {
  ms: number;
  calmMs: number;
}

/** @param name of the metrics: `<name>P50` and so on; `<name>CalmP99` is of the times less waiting for a core */
export function spread(name: string, samples: readonly Timed[]): Record<string, number> {
  const sorted = Float64Array.from(samples, ({ ms }) => ms).sort();
  const calm = Float64Array.from(samples, ({ calmMs }) => calmMs).sort();
  const at = (part: number): number => percentile(sorted, part);
  return {
    ...{ [`${name}P50`]: at(0.5), [`${name}P95`]: at(0.95), [`${name}P99`]: at(0.99), [`${name}Max`]: at(1), [`${name}Count`]: sorted.length },
    ...{ [`${name}CalmP50`]: percentile(calm, 0.5), [`${name}CalmP99`]: percentile(calm, 0.99) },
  };
}
