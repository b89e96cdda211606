import { isIPv4 } from 'node:net';
import { limits } from 'godwit-schemas';
import { ConfigError } from './config/error.js';
import { nearest } from './config/nearest.js';
import * as parse from './config/parse.js';
import type { LogLevel, Retention } from './config/parse.js';
import type { Proxies } from './config/proxies.js';

export { ConfigError } from './config/error.js';
export { loadOrCreateSecret, loadSecret, secretPath } from './config/secret.js';
export type { LogLevel, Retention } from './config/parse.js';
export type { Proxies } from './config/proxies.js';

/** How tokens are verified. */
export type AuthConfig =
  /** HS256; the key is the UTF-8 bytes of the text. */
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'jwks'; readonly url: string }
  /** SPKI or PKCS#1 PEM. */
  | { readonly kind: 'publicKey'; readonly pem: string }
  /** HS256 by the secret in the data folder (`loadOrCreateSecret`); only on loopback. */
  | { readonly kind: 'own' };

export interface Config {
  readonly host: string;
  /** 0 = any free port, here and below. */
  readonly mqttPort: number;
  readonly httpPort: number;
  /** Absolute paths of PEM files; undefined: no TLS. */
  readonly tls: { readonly cert: string; readonly key: string; readonly mqttsPort: number } | undefined;
  /** Absolute path of the data folder. */
  readonly data: string;
  readonly auth: AuthConfig;
  /** Of the MongoDB with users and groups; undefined: they are in the data folder. */
  readonly mongoUrl: string | undefined;
  /** Of a user; 0 = no limit. */
  readonly messagesPerMinute: number;
  /** Of an address; 0 = no limit. */
  readonly connectsPerMinute: number;
  readonly retention: Retention;
  /** When messages move to MongoDB, where there is one. */
  readonly archive: { readonly afterMs: number; readonly keep: number };
  readonly corsOrigins: '*' | readonly string[];
  readonly trustedProxies: Proxies;
  readonly minFreeBytes: number;
  readonly groupMaxMembers: number;
  readonly logLevel: LogLevel;
}

export interface Variable<T = unknown> {
  readonly name: `GODWIT_${string}`;
  /** As one would write it; undefined: not set. */
  readonly default: string | undefined;
  /** For the README: what it sets, in a few words. */
  readonly what: string;
  /** Its value never appears in a message. */
  readonly secret?: true;
  /** @throws Expected */
  readonly parse: (text: string) => T;
}

const table = {
  host: variable('GODWIT_HOST', '127.0.0.1', 'address to listen on; another than loopback needs one of the GODWIT_AUTH_ variables', parse.host),
  mqttPort: variable('GODWIT_MQTT_PORT', '1883', 'MQTT over TCP; 0 = any free port', parse.port),
  httpPort: variable('GODWIT_HTTP_PORT', '8080', 'HTTP, and MQTT over WebSocket at /mqtt; 0 = any free port', parse.port),
  tlsCert: variable('GODWIT_TLS_CERT', undefined, 'PEM file of the certificate chain; turns TLS on', parse.readableFile),
  tlsKey: variable('GODWIT_TLS_KEY', undefined, 'PEM file of its private key', parse.readableFile),
  mqttsPort: variable('GODWIT_MQTTS_PORT', '8883', 'MQTT over TLS, where a certificate is given; 0 = any free port', parse.port),
  data: variable('GODWIT_DATA', './data', 'the data folder', parse.path),
  authSecret: secret('GODWIT_AUTH_SECRET', 'secret of at least 32 bytes by which tokens are signed (HS256)', parse.secret),
  authJwksUrl: variable('GODWIT_AUTH_JWKS_URL', undefined, 'address of the JWKS that tokens are verified with (RS256, ES256, EdDSA)', parse.httpUrl),
  authPublicKey: secret('GODWIT_AUTH_PUBLIC_KEY', 'public key that tokens are verified with: PEM text, or the path of a file (RS256, ES256, EdDSA)', parse.publicKeyPem),
  messagesPerMinute: variable('GODWIT_MESSAGES_PER_MINUTE', String(limits.messagesPerMinute.value), 'messages of a user; 0 = no limit', parse.perMinute),
  connectsPerMinute: variable('GODWIT_CONNECTS_PER_MINUTE', String(limits.connectsPerMinute.value), 'connections of an address; 0 = no limit', parse.perMinute),
  mongoUrl: secret('GODWIT_MONGO_URL', 'MongoDB for users, devices, groups and old messages, with the database in its path (else `godwit`); without it they are in the data folder', parse.mongoUrl),
  retention: variable('GODWIT_RETENTION', '30d', 'how long messages are kept: an age (30d, 12h, 90m), `delivered` or `forever`', parse.retention),
  archiveAfter: variable('GODWIT_ARCHIVE_AFTER', `${limits.archiveAfterDays.value}d`, 'age at which messages move to MongoDB (7d, 12h, 90m), or `never`; needs GODWIT_MONGO_URL', parse.archiveAfter),
  archiveKeep: variable('GODWIT_ARCHIVE_KEEP', String(limits.archiveKeep.value), 'messages of a conversation beyond which the older ones move to MongoDB; 0 = no limit; needs GODWIT_MONGO_URL', parse.archiveKeep),
  corsOrigins: variable('GODWIT_CORS_ORIGINS', undefined, 'web origins that may use HTTP and WebSocket, separated by commas; * = all', parse.origins),
  trustedProxies: variable('GODWIT_TRUSTED_PROXIES', undefined, 'IPs and CIDR ranges, separated by commas, whose PROXY protocol and X-Forwarded-For are believed', parse.proxies),
  minFreeBytes: variable('GODWIT_MIN_FREE_BYTES', String(limits.minFreeBytes.value), 'free space below which messages are refused; takes suffixes such as 256MiB', parse.bytes),
  groupMaxMembers: variable('GODWIT_GROUP_MAX_MEMBERS', String(limits.groupMembers.value), 'members of a group, at most 1024', parse.groupMembers),
  logLevel: variable('GODWIT_LOG_LEVEL', 'info', 'fatal, error, warn, info, debug, trace or silent', parse.logLevel),
} as const;

/** Every variable, in the order of the README. */
export const configVariables: readonly Variable[] = Object.values(table);

/** Named in the design, and not in this version. */
const later = /^GODWIT_(REDIS_URL|S3_[A-Z_]+)$/;

/**
 * Reads and checks the environment; nothing else in Godwit reads it. An empty variable counts as not set.
 * @throws ConfigError with one line: the variable, its value unless secret, and what is expected.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  refuseUnknown(env);
  const host = value(env, table.host);
  const tls = readTls(env);
  const config: Config = {
    host,
    mqttPort: value(env, table.mqttPort),
    httpPort: value(env, table.httpPort),
    tls,
    data: value(env, table.data),
    auth: readAuth(env, host),
    mongoUrl: optional(env, table.mongoUrl),
    messagesPerMinute: value(env, table.messagesPerMinute),
    connectsPerMinute: value(env, table.connectsPerMinute),
    retention: value(env, table.retention),
    archive: readArchive(env),
    corsOrigins: optional(env, table.corsOrigins) ?? [],
    trustedProxies: optional(env, table.trustedProxies) ?? parse.proxies(''),
    minFreeBytes: value(env, table.minFreeBytes),
    groupMaxMembers: value(env, table.groupMaxMembers),
    logLevel: value(env, table.logLevel),
  };
  refuseSamePort(config);
  return config;
}

function readTls(env: NodeJS.ProcessEnv): Config['tls'] {
  const cert = optional(env, table.tlsCert);
  const key = optional(env, table.tlsKey);
  if (cert !== undefined && key !== undefined) return { cert, key, mqttsPort: value(env, table.mqttsPort) };
  if (cert !== undefined) throw new ConfigError('GODWIT_TLS_CERT is set without GODWIT_TLS_KEY: set both, or neither');
  if (key !== undefined) throw new ConfigError('GODWIT_TLS_KEY is set without GODWIT_TLS_CERT: set both, or neither');
  if (env.GODWIT_MQTTS_PORT) throw new ConfigError('GODWIT_MQTTS_PORT is set without a certificate: set GODWIT_TLS_CERT and GODWIT_TLS_KEY too');
  return undefined;
}

function readArchive(env: NodeJS.ProcessEnv): Config['archive'] {
  const given = [table.archiveAfter, table.archiveKeep].find(({ name }) => env[name]);
  if (given && !env.GODWIT_MONGO_URL) throw new ConfigError(`${given.name} is set without GODWIT_MONGO_URL: messages have no archive to move to`);
  return { afterMs: value(env, table.archiveAfter), keep: value(env, table.archiveKeep) };
}

function readAuth(env: NodeJS.ProcessEnv, host: string): AuthConfig {
  const secret = optional(env, table.authSecret);
  const url = optional(env, table.authJwksUrl);
  const pem = optional(env, table.authPublicKey);
  const given = [table.authSecret, table.authJwksUrl, table.authPublicKey].filter(({ name }) => env[name]).map(({ name }) => name);
  if (given.length > 1) throw new ConfigError(`${given.join(' and ')} are set: only one of them says how tokens are verified`);
  if (secret !== undefined) return { kind: 'secret', secret };
  if (url !== undefined) return { kind: 'jwks', url };
  if (pem !== undefined) return { kind: 'publicKey', pem };
  if (!isLoopback(host)) {
    throw new ConfigError(`GODWIT_HOST=${host} lets others connect: set GODWIT_AUTH_SECRET (or GODWIT_AUTH_JWKS_URL, or GODWIT_AUTH_PUBLIC_KEY) too; without one Godwit serves 127.0.0.1 only`);
  }
  return { kind: 'own' };
}

/** 127.0.0.0/8 (RFC 1122), ::1 (RFC 4291), localhost (RFC 6761). */
export function isLoopback(host: string): boolean {
  return host === '::1' || host.toLowerCase() === 'localhost' || (isIPv4(host) && host.startsWith('127.'));
}

function refuseSamePort({ mqttPort, httpPort, tls }: Config): void {
  const ports: [Variable, number][] = [[table.mqttPort, mqttPort], [table.httpPort, httpPort]];
  if (tls) ports.push([table.mqttsPort, tls.mqttsPort]);
  const taken = new Map<number, string>();
  for (const [{ name }, port] of ports) {
    if (port !== 0 && taken.has(port)) throw new ConfigError(`${taken.get(port)} and ${name} are both ${port}: each needs a port of its own`);
    taken.set(port, name);
  }
}

/** A mistyped limit must not silently not apply. */
function refuseUnknown(env: NodeJS.ProcessEnv): void {
  const names = configVariables.map(({ name }) => name.slice('GODWIT_'.length));
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('GODWIT_') || !text || names.includes(name.slice('GODWIT_'.length))) continue;
    if (later.test(name)) throw new ConfigError(`${name} is not supported by this version: unset it`);
    const close = nearest(name.slice('GODWIT_'.length), names);
    throw new ConfigError(`${name} is no variable of Godwit: ${close ? `did you mean GODWIT_${close}?` : `there are ${configVariables.map((known) => known.name).join(', ')}`}`);
  }
}

function variable<T, D extends string | undefined>(name: `GODWIT_${string}`, byDefault: D, what: string, parser: (text: string) => T): Variable<T> & { readonly default: D } {
  return { name, default: byDefault, what, parse: parser };
}

function secret<T>(name: `GODWIT_${string}`, what: string, parser: (text: string) => T): Variable<T> & { readonly default: undefined } {
  return { name, default: undefined, what, secret: true, parse: parser };
}

function value<T>(env: NodeJS.ProcessEnv, from: Variable<T> & { readonly default: string }): T {
  return parsed(from, env[from.name] || from.default);
}

function optional<T>(env: NodeJS.ProcessEnv, from: Variable<T> & { readonly default: undefined }): T | undefined {
  const text = env[from.name];
  return text ? parsed(from, text) : undefined;
}

function parsed<T>({ name, secret: hidden, parse: parser }: Variable<T>, text: string): T {
  try {
    return parser(text);
  } catch (error) {
    if (!(error instanceof parse.Expected)) throw error;
    throw new ConfigError(`${name}${hidden ? '' : `=${printable(text)}`}: expected ${error.message}`);
  }
}

/** One line, and not a long one, whatever the value holds. */
function printable(text: string): string {
  const line = /^[ -~]*$/.test(text) ? text : JSON.stringify(text);
  return line.length > 100 ? `${line.slice(0, 100)}…` : line;
}
