import type { Plugin } from '../../broker/ports/plugin.js';
import { registerMeters } from './meters.js';
import { registerProcess } from './process.js';

/** Fills the registry that `/metrics` shows. Everything is read when it is asked for; nothing runs on the way of a message. */
export function metricsPlugin(): Plugin {
  let stopProcess: (() => void) | undefined;
  return {
    name: 'metrics',
    start({ metrics, meters, storage }) {
      registerMeters(metrics, meters);
      stopProcess = registerProcess(metrics, storage);
    },
    stop() {
      stopProcess?.();
    },
  };
}
