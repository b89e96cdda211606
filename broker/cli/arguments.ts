import { InvalidArgumentError } from 'commander';
import { validDeviceId, validUserId } from 'godwit-schemas';

/** A user id. @throws InvalidArgumentError */
export function user(text: string): string {
  if (!validUserId(text)) throw new InvalidArgumentError('A user id is 1 to 64 of A-Z a-z 0-9 _ -');
  return text;
}

/** Any number of user ids. */
export function users(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, user(text)];
}

export function device(text: string): string {
  if (!validDeviceId(text)) throw new InvalidArgumentError('A device id is 1 to 32 of A-Z a-z 0-9 _ -');
  return text;
}

/** How long something is valid; fractions are allowed. */
export function days(text: string): number {
  const value = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : NaN;
  if (!(value > 0 && value < 1e6)) throw new InvalidArgumentError('Days are a number above 0 and below a million');
  return value;
}

const schemes: ReadonlySet<string> = new Set(['mqtt:', 'mqtts:', 'ws:', 'wss:', 'http:', 'https:']);

/** The address of a server. */
export function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !schemes.has(url.protocol) || url.hostname === '') {
    throw new InvalidArgumentError('An address looks like mqtt://host:1883, mqtts://, ws://, wss://, http:// or https://');
  }
  if (url.username !== '' || url.password !== '') throw new InvalidArgumentError('An address holds no user and no password: use --token');
  return url;
}
