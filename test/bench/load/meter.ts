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
