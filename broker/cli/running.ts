import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuthConfig } from '../config.js';
import type { Godwit } from '../server.js';
import { CommandError } from './errors.js';

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
  const draft = `${runningPath(data)}.${process.pid}`;
  try {
    writeFileSync(draft, `${JSON.stringify(server, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(draft, runningPath(data));
  } finally {
    rmSync(draft, { force: true });
  }
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

/**
 * Names the data of a folder: made with it, and carried along by backup and restore. A client that keeps what it had
 * from one server must not take another's places for the same ones.
 */
export function instancePath(data: string): string {
  return join(data, 'instance');
}

export function readInstance(data: string): string | undefined {
  const text = readIfThere(instancePath(data))?.trim();
  return text !== undefined && /^[0-9a-f]{16}$/.test(text) ? text : undefined;
}

/** The folder's name, made if it has none. */
export function loadOrCreateInstance(data: string): string {
  const known = readInstance(data);
  if (known !== undefined) return known;
  const made = randomBytes(8).toString('hex');
  const draft = `${instancePath(data)}.${process.pid}`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeFileSync(file, `${made}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, instancePath(data));
  return made;
}

/** Gives a copy of the data the same name. */
export function copyInstance(from: string, to: string): void {
  const instance = readInstance(from);
  if (instance !== undefined) writeFileSync(instancePath(to), `${instance}\n`, { mode: 0o600, flag: 'wx' });
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new CommandError(`${path} cannot be read (${code}): be the user that runs the server, or name it by --url and --token`);
  }
}
