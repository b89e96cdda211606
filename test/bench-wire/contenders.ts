import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, freePort, ServerProcess, workFolder } from '../bench/peers/process.js';
import type { Scope } from '../support/folder.js';
import { SECRET } from '../support/godwit.js';
import { plainDevice, sdkDevice, type Account, type Device } from './devices.js';

/** A client and its server, measured together. */
export interface Contender {
  readonly name: string;
  readonly webSocket: boolean;
  /** Why it cannot be measured here. */
  readonly missing?: string;
  /** Starts a server that ends with the scope. @returns its port */
  start(scope: Scope): Promise<number>;
  /** A device that connects to this port. */
  device(account: Account, port: number): Promise<Device>;
}

/** Their tokens are signed with this. */
export const secret = SECRET;

const mosquitto = findProgram('mosquitto');

export const contenders: readonly Contender[] = [
  {
    name: 'Godwit, TCP',
    webSocket: false,
    start: (scope) => startGodwit(scope, /mqtt:\/\/[^\s:/]+:(\d+)/),
    device: (account, port) => sdkDevice(account, port, false),
  },
  {
    name: 'Godwit, WebSocket',
    webSocket: true,
    start: (scope) => startGodwit(scope, /http:\/\/[^\s:/]+:(\d+)/),
    device: (account, port) => sdkDevice(account, port, true),
  },
  {
    name: 'Mosquitto, TCP',
    webSocket: false,
    ...(!mosquitto && { missing: 'mosquitto is not installed' }),
    start: startMosquitto,
    device: plainDevice,
  },
];

export function mosquittoVersion(): string | undefined {
  return mosquitto && /version (\S+)/.exec(spawnSync(mosquitto, ['-h'], { encoding: 'utf8' }).stdout)?.[1];
}

const main = fileURLToPath(new URL('../../broker/cli/main.js', import.meta.url));

/** @param door finds the port in what the server prints: that of MQTT over TCP, or of HTTP and WebSocket */
async function startGodwit(scope: Scope, door: RegExp): Promise<number> {
  const folder = await workFolder();
  const server = ServerProcess.start(folder, process.execPath, [main, 'serve'], {
    GODWIT_MQTT_PORT: '0',
    GODWIT_HTTP_PORT: '0',
    GODWIT_DATA: join(folder, 'data'),
    GODWIT_AUTH_SECRET: secret,
    GODWIT_MESSAGES_PER_MINUTE: '0',
    GODWIT_CONNECTS_PER_MINUTE: '0',
    GODWIT_MIN_FREE_BYTES: '0',
  });
  scope.after(() => server.stop());
  return Number((await server.printed(door))[1]);
}

/** As it comes: only its log is off, and nobody is asked for a password. */
async function startMosquitto(scope: Scope): Promise<number> {
  const folder = await workFolder();
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n`);
  const server = ServerProcess.start(folder, mosquitto!, ['-c', config]);
  scope.after(() => server.stop());
  await server.listening(port);
  return port;
}
