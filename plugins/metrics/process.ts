import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Storage } from '../../broker/ports/storage.js';

/** How often the event loop is asked; the lag is what comes on top of it. */
const RESOLUTION_MS = 20;

/**
 * Event-loop lag, memory, CPU and disk. prom-client's own default metrics begin watchers that cannot be stopped,
 * which an embedded server that is closed must do.
 * @returns stops the watching
 */
export function registerProcess(registry: Registry, storage: Pick<Storage, 'freeBytes'>): () => void {
  const registers = [registry];
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  new Gauge({
    name: 'godwit_event_loop_lag_seconds',
    help: 'How late the event loop was since the last time this was asked.',
    labelNames: ['quantile'],
    registers,
    collect() {
      for (const quantile of [0.5, 0.99, 1]) this.set({ quantile }, lagSeconds(delay.percentile(quantile * 100)));
      delay.reset();
    },
  });
  new Gauge({
    name: 'godwit_memory_bytes',
    help: 'Memory of the process: resident, heap in use, and buffers outside of the heap.',
    labelNames: ['kind'],
    registers,
    collect() {
      const { rss, heapUsed, external } = process.memoryUsage();
      this.set({ kind: 'resident' }, rss);
      this.set({ kind: 'heap' }, heapUsed);
      this.set({ kind: 'external' }, external);
    },
  });
  new Counter({
    name: 'godwit_cpu_seconds_total',
    help: 'CPU time of the process, user and system.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'godwit_disk_free_bytes',
    help: 'Bytes that can still be written to the data folder, its own freed pages counted in.',
    registers,
    async collect() {
      this.set(await storage.freeBytes());
    },
  });
  return () => delay.disable();
}

/** @param delayNs nanoseconds between two asks of the event loop; 0 when there was none yet */
function lagSeconds(delayNs: number): number {
  return Math.max(0, delayNs / 1e9 - RESOLUTION_MS / 1e3);
}
