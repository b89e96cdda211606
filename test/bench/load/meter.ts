import { cpuUs } from '../process-stats.js';

/** The measured phase: wall time, the server's CPU time and the generator's own. */
export class Meter {
  private readonly startedAt = performance.now();
  private readonly server: number;
  private readonly own = process.cpuUsage();

  constructor(private readonly pid: number) {
    this.server = cpuUs(pid);
  }

  stop(): { seconds: number; serverCpuUs: number; generatorCpu: number } {
    const seconds = (performance.now() - this.startedAt) / 1000;
    const serverCpuUs = cpuUs(this.pid) - this.server;
    const own = process.cpuUsage(this.own);
    return { seconds, serverCpuUs, generatorCpu: (own.user + own.system) / 1e6 / seconds };
  }
}

/** The value below which `part` of the sorted samples lie (nearest rank). */
export function percentile(sorted: ArrayLike<number>, part: number): number {
  if (sorted.length === 0) return NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))];
}
