import { createPublicKey, type KeyObject } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { limits } from 'godwit-schemas';
import { Proxies } from './proxies.js';

/** Thrown by a parser: what the value should have been. */
export class Expected extends Error {}

/** How long messages are kept. */
export type Retention =
  | { readonly kind: 'age'; readonly ms: number }
  /** Until every device that a message is for has it, at most `limits.retentionDeliveredMs`. */
  | { readonly kind: 'delivered' }
  | { readonly kind: 'forever' };

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** An IP address or a host name, without a port. */
export function host(text: string): string {
  if (isIP(text) || /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text)) return text;
  throw new Expected('an IP address or a host name, without a port');
}

export function port(text: string): number {
  const value = wholeNumber(text);
  if (value === undefined || value > 65_535) throw new Expected('a port, 0 to 65535 (0 = any free port)');
  return value;
}

/** A rate; 0 = no limit. */
export function perMinute(text: string): number {
  const value = wholeNumber(text);
  if (value === undefined) throw new Expected('a whole number a minute (0 = no limit)');
  return value;
}

export function groupMembers(text: string): number {
  const value = wholeNumber(text);
  const most = limits.groupMembers.value;
  if (value === undefined || value < 1 || value > most) throw new Expected(`a whole number from 1 to ${most}`);
  return value;
}

/** An absolute path. */
export function path(text: string): string {
  return resolve(text);
}

/** The absolute path of a file that this process may read. */
export function readableFile(text: string): string {
  try {
    accessSync(text, constants.R_OK);
  } catch (error) {
    throw new Expected(`a file that can be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return resolve(text);
}

/** PEM text, also with its line ends written as \n, or the path of a file of it. */
export function publicKeyPem(text: string): string {
  const pem = text.includes('-----BEGIN') ? text.replaceAll('\\n', '\n') : readFileSync(readableFile(text), 'utf8');
  if (pem.includes('PRIVATE KEY')) throw new Expected('a public key, and this is a private one: keep that with who makes the tokens');
  if (!verifiesTokens(pem)) throw new Expected('a public key in PEM (RSA of at least 2048 bits, EC on P-256, or Ed25519), or the path of one');
  return pem;
}

/** Whether it is a key for RS256 (RFC 7518 3.3 asks for 2048 bits), ES256 or EdDSA. */
function verifiesTokens(pem: string): boolean {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    return false; // not a key at all: OpenSSL's words for that help nobody
  }
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa': return modulusLength >= 2048;
    case 'ec': return namedCurve === 'prime256v1';
    default: return key.asymmetricKeyType === 'ed25519';
  }
}

/** RFC 7518 3.2: a key for HS256 has at least 256 bits. */
export function secret(text: string): string {
  if (Buffer.byteLength(text) < 32) throw new Expected('at least 32 bytes; `openssl rand -base64 32` makes one');
  return text;
}

export function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw new Expected('an https:// address (http:// only inside a network that you trust)');
  return url.href;
}

/** What is not written in percent may not be read as part of a host: that would be told when it is not found. */
export function mongoUrl(text: string): string {
  if (!/^mongodb(\+srv)?:\/\/([^/?@]+@)?[^/?@]+(\/[^/?@]*)?(\?[^@]*)?$/.test(text)) {
    throw new Expected('an address such as mongodb://user:password@host:27017/godwit, or mongodb+srv:// (in user and password / ? and @ are written as %2F %3F %40)');
  }
  return text;
}

/** Messages; 0 = no limit. */
export function archiveKeep(text: string): number {
  const value = wholeNumber(text);
  const least = limits.archiveTail.value;
  if (value === undefined || (value > 0 && value < least)) throw new Expected(`a whole number of messages, at least ${least} (0 = no limit)`);
  return value;
}

const unitMs = new Map([['m', 60_000], ['h', 3_600_000], ['d', 86_400_000]]);

export function retention(text: string): Retention {
  if (text === 'delivered' || text === 'forever') return { kind: text };
  return { kind: 'age', ms: age(text, '`delivered`, or `forever`') };
}

/** Milliseconds; 0 = never. */
export function archiveAfter(text: string): number {
  return text === 'never' ? 0 : age(text, '`never`');
}

function age(text: string, or: string): number {
  const [, digits, unit] = /^([0-9]+)([mhd])$/.exec(text) ?? [];
  const ms = Number(digits) * unitMs.get(unit)!;
  // A million days is far beyond every clock, and within what a Date can say.
  if (!(ms > 0 && ms <= 86_400_000e6)) throw new Expected(`an age such as 30d, 12h or 90m, or ${or}`);
  return ms;
}

const unitBytes = new Map([
  ['', 1], ['B', 1], ['kB', 1e3], ['MB', 1e6], ['GB', 1e9], ['TB', 1e12],
  ['KiB', 2 ** 10], ['MiB', 2 ** 20], ['GiB', 2 ** 30], ['TiB', 2 ** 40],
]);

export function bytes(text: string): number {
  const [, digits, unit] = /^([0-9]+) ?([A-Za-z]*)$/.exec(text) ?? [];
  const value = Number(digits) * (unitBytes.get(unit) ?? NaN);
  if (!Number.isSafeInteger(value)) throw new Expected('a number of bytes, such as 268435456 or 256MiB');
  return value;
}

/** Origins (RFC 6454) of web pages, or `*` for all of them. Schemes of apps (capacitor://localhost) count too. */
export function origins(text: string): '*' | readonly string[] {
  if (text === '*') return '*';
  return list(text).map((origin) => {
    const parsed = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]+$/.test(origin) && URL.canParse(origin) ? new URL(origin) : undefined;
    const special = parsed?.protocol === 'https:' || parsed?.protocol === 'http:';
    if (!parsed || (special && parsed.origin !== origin)) throw new Expected('origins such as https://chat.example.com, without a path or the usual port, separated by commas; or *');
    return origin;
  });
}

export function proxies(text: string): Proxies {
  try {
    return new Proxies(list(text));
  } catch {
    throw new Expected('IP addresses and ranges such as 10.0.0.5, 10.0.0.0/8 or fd00::/8, separated by commas');
  }
}

export function logLevel(text: string): LogLevel {
  const level = logLevels.find((name) => name === text);
  if (!level) throw new Expected(`one of ${logLevels.join(', ')}`);
  return level;
}

function list(text: string): string[] {
  return text.split(',').map((item) => item.trim()).filter((item) => item !== '');
}

function wholeNumber(text: string): number | undefined {
  const value = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}
