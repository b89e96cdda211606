import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AuthConfig } from '../config.js';
import type { Godwit } from '../server.js';
import { readIfThere, replaceFile } from './files.js';

/** Where a running server is found by the commands of its machine. */
export interface RunningServer {
  readonly pid: number;
  /** What it listens on; 0.0.0.0 and :: are all addresses. */
  readonly host: string;
  readonly mqttPort: number;
  readonly mqttsPort?: number;
  readonly httpPort: number;
  /** Its certificate file: HTTP is HTTPS. */
  readonly certificate?: string;
  /** How it verifies tokens: whether they can be made here, and with which secret. */
  readonly auth: AuthConfig['kind'];
}

/** The file in the data folder. What it says may be out of date after a crash: only who answers there is running. */
export function runningPath(data: string): string {
  return join(data, 'server.json');
}

export function describeServer({ config, mqttPort, mqttsPort, httpPort }: Godwit): RunningServer {
  return {
    pid: process.pid,
    host: config.host,
    mqttPort,
    ...(mqttsPort !== undefined && { mqttsPort }),
    httpPort,
    ...(config.tls && { certificate: config.tls.cert }),
    auth: config.auth.kind,
  };
}

/** Whole or not at all, whenever the process ends. */
export function writeRunning(data: string, server: RunningServer): void {
  replaceFile(runningPath(data), `${JSON.stringify(server, undefined, 2)}\n`);
}

export function removeRunning(data: string): void {
  rmSync(runningPath(data), { force: true });
}

/** undefined: no server was started there, or it was stopped. */
export function readRunning(data: string): RunningServer | undefined {
  const text = readIfThere(runningPath(data));
  if (text === undefined) return undefined;
  try {
    const { pid, host, mqttPort, httpPort, ...more } = JSON.parse(text) as RunningServer;
    const whole = typeof host === 'string' && [pid, mqttPort, httpPort].every((value) => Number.isInteger(value));
    return whole ? { pid, host, mqttPort, httpPort, ...more } : undefined;
  } catch {
    return undefined; // not ours: as if it were not there
  }
}
