import { resolve } from 'node:path';
import { makeToken, type TokenRequest } from '../../plugins/auth/token.js';
import { loadSecret, readConfig, type Config } from '../config.js';
import { CommandError, NotRunningError, UsageError } from './errors.js';
import { readLineage, type Lineage } from './lineage.js';
import { readRunning, type RunningServer } from './running.js';

/** What every command that talks to a server takes. */
export interface ServerOptions {
  url?: URL;
  token?: string;
  data?: string;
}

/** A server, and how to get in. */
export interface Server {
  /** As the SDK takes it; undefined: only HTTP is known. */
  readonly mqtt: string | undefined;
  /** For control calls, without a slash at the end; undefined: only MQTT is known. */
  readonly http: string | undefined;
  /** HTTPS on this machine: only this certificate is taken, whatever name it is made out to. */
  readonly certificate: string | undefined;
  /** On this machine, found by its data folder. */
  readonly local: boolean;
  /** What to say when nobody listens there. */
  readonly down: string;
  /** Tells its data from that of other servers. */
  readonly lineage: Lineage;
  /** @throws CommandError when no token can be made here and none was given */
  token(of: Pick<TokenRequest, 'user' | 'admin'>): string;
}

/** Long enough for every command; `chat` asks for a new one in time. */
const COMMAND_TOKEN_DAYS = 1 / 24;

/**
 * The server that the options name, or the one of the data folder. It need not be running.
 * @throws NotRunningError when none was started on the data folder; ConfigError
 */
export function findServer(options: ServerOptions): Server {
  return options.url ? remoteServer(options.url, options) : serverOf(localConfig(options), options.token);
}

/** The environment as the server reads it, with the folder that the command was given. */
export function localConfig({ data }: ServerOptions): Config {
  return readConfig({ ...process.env, ...(data !== undefined && { GODWIT_DATA: data }) });
}

/** The server of a data folder. @throws NotRunningError when none was started there */
export function serverOf(config: Config, givenToken?: string): Server {
  const running = readRunning(config.data);
  if (!running) throw new NotRunningError(notRunning(config.data));
  const host = reachable(running.host);
  return {
    mqtt: `mqtt://${host}:${running.mqttPort}`,
    http: `${running.certificate === undefined ? 'http' : 'https'}://${host}:${running.httpPort}`,
    certificate: running.certificate,
    local: true,
    down: notRunning(config.data),
    lineage: readLineage(config.data) ?? [`${host}-${running.mqttPort}`],
    token: (of) => givenToken ?? makeCommandToken(config, running, of),
  };
}

function remoteServer(url: URL, { token, data }: ServerOptions): Server {
  const overHttp = !url.protocol.startsWith('mqtt');
  const secure = ['mqtts:', 'wss:', 'https:'].includes(url.protocol);
  // An MQTT address of another port than MQTT's own says nothing of the HTTP port.
  const port = url.port || (overHttp ? (secure ? '443' : '80') : secure ? '8883' : '1883');
  return {
    mqtt: overHttp ? `${secure ? 'wss' : 'ws'}://${url.host}${url.pathname.length > 1 ? url.pathname : '/mqtt'}` : `${url.protocol}//${url.hostname}:${port}`,
    http: overHttp ? `${secure ? 'https' : 'http'}://${url.host}` : undefined,
    certificate: undefined,
    local: false,
    down: `nobody listens at ${url.host}: is the server running?`,
    lineage: [`${url.hostname.replace(/[^A-Za-z0-9.-]/g, '_')}-${port}`],
    token: (of) => {
      if (token !== undefined) return token;
      const { auth } = localConfig({ data });
      if (auth.kind !== 'secret') throw new UsageError('--url needs --token (or GODWIT_AUTH_SECRET in the environment): `godwit token <user>` on the server makes one');
      return sign(auth.secret, of);
    },
  };
}

function makeCommandToken(config: Config, running: RunningServer, of: Pick<TokenRequest, 'user' | 'admin'>): string {
  switch (running.auth) {
    case 'own': {
      const secret = loadSecret(config.data);
      if (secret === undefined) throw new CommandError(`the secret in ${config.data} is gone: start the server again, or give --token`);
      return sign(secret, of);
    }
    case 'secret':
      if (config.auth.kind === 'secret') return sign(config.auth.secret, of);
      throw new CommandError('the server was started with GODWIT_AUTH_SECRET: set it here too, or give --token');
    default:
      throw new CommandError('this server takes tokens that are made elsewhere (GODWIT_AUTH_JWKS_URL or GODWIT_AUTH_PUBLIC_KEY): give --token');
  }
}

function sign(secret: string, of: Pick<TokenRequest, 'user' | 'admin'>): string {
  return makeToken({ ...of, secret, days: COMMAND_TOKEN_DAYS, nowMs: Date.now() });
}

/** Where to connect to what listens on `host`, as part of a URL. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function notRunning(data: string): string {
  const variable = data === resolve('./data') ? '' : `GODWIT_DATA=${data} `;
  return `no server is running on ${data}: start it with \`${variable}npx godwit serve\`, or name another one by --url`;
}
