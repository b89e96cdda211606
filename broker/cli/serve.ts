import { isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { pino, type Logger } from 'pino';
import { readConfig, type Config } from '../config.js';
import { createGodwit, type Godwit } from '../server.js';
import { saveMemoryWhileIdle } from './heap.js';
import { loadOrCreateLineage } from './lineage.js';
import { describeServer, writeRunning } from './running.js';
import { endWith, stopOnSignals } from './stop.js';

/**
 * Runs the server until SIGTERM or SIGINT. Standard output gets what a person needs, standard error the log.
 * @throws ConfigError, StorageOpenError, ListenError
 */
export async function serve(): Promise<void> {
  const env = process.env;
  const config = readConfig(env);
  const log = openLog(config, env);
  process.on('uncaughtException', (error) => endWith(log, error));
  const godwit = await createGodwit({ env, log });
  const { data } = godwit.config;
  try {
    loadOrCreateLineage(data);
    writeRunning(data, describeServer(godwit));
  } catch (error) {
    // On a full disk a server can still deliver what it has; only the commands of this machine do not find it.
    log.error({ err: error }, 'where the server listens could not be written down: commands need --url and --token');
  }
  stopOnSignals(godwit, log);
  saveMemoryWhileIdle(godwit.meters);
  process.stdout.write(greeting(godwit, env));
}

/** At a terminal only what goes wrong stands between the lines for people, unless the level is asked for. */
function openLog({ logLevel }: Config, env: NodeJS.ProcessEnv): Logger {
  const level = !env.GODWIT_LOG_LEVEL && process.stderr.isTTY ? 'warn' : logLevel;
  return pino({ level }, pino.destination({ fd: 2, sync: false }));
}

function greeting(godwit: Godwit, env: NodeJS.ProcessEnv): string {
  const { config, mqttPort, mqttsPort, httpPort } = godwit;
  const host = isIPv6(config.host) ? `[${config.host}]` : config.host;
  const http = config.tls ? 'https' : 'http';
  const lines = [`mqtt://${host}:${mqttPort}`];
  if (mqttsPort !== undefined) lines.push(`mqtts://${host}:${mqttsPort}`);
  lines.push(`${http}://${host}:${httpPort}   (WebSocket at /mqtt, /healthz, /metrics)`, '', ...next(config, env));
  return `${lines.join('\n')}\n`;
}

function next({ auth, data }: Config, env: NodeJS.ProcessEnv): string[] {
  if (auth.kind === 'jwks' || auth.kind === 'publicKey') {
    return ['Tokens come from whoever holds the private key. With one of them:', '  npx godwit chat alice bob --token <token>'];
  }
  const variables = [data === resolve('./data') ? '' : `GODWIT_DATA=${data} `, env.GODWIT_AUTH_SECRET ? 'GODWIT_AUTH_SECRET=… ' : ''].join('');
  return ['Talk, in two other terminals:', `  ${variables}npx godwit chat alice bob`, `  ${variables}npx godwit chat bob alice`];
}
