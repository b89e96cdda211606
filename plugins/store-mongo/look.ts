import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient, MongoServerError, type Db } from 'mongodb';
import { devices, groups, missingIndexes, users } from './documents.js';
import { ownerOf } from './folder.js';
import { databaseOf, OPTIONS } from './link.js';
import { unfinishedMove } from './migration.js';

/** What lies in a database. */
export interface MongoState {
  /** Nobody has used it yet. */
  readonly isEmpty: boolean;
  /** Those that a start makes and that are not there, such as `devices(user, device)`. */
  readonly missingIndexes: readonly string[];
  /** The data folder whose move into it has not come to its end. */
  readonly unfinishedMove: string | undefined;
  /** The name of the data folder that it belongs to; undefined: to none yet. */
  readonly folder: string | undefined;
}

/** Unauthorized, AuthenticationFailed, and what MongoDB Atlas says instead. */
const REFUSALS = new Set([13, 18, 8_000]);

/** It did not answer in time, or refused; the text names neither user nor password. */
export class MongoLookError extends Error {
  override name = 'MongoLookError';
  /** User and password are not accepted, or may not do this. */
  readonly isRefusal: boolean;

  constructor(url: string, cause: Error) {
    super(withoutSecrets(url, cause.message).replace(/\s+/g, ' ').trim(), { cause });
    this.isRefusal = cause instanceof MongoServerError && REFUSALS.has(Number(cause.code));
  }
}

/**
 * For `godwit doctor`: looks, and changes nothing.
 * @param timeoutMs for all of it
 * @throws MongoLookError
 */
export async function lookAtMongo(url: string, timeoutMs: number): Promise<MongoState> {
  let client: MongoClient | undefined;
  try {
    // The driver says why it found none: so it gives up before all of the time is over.
    const waitMs = timeoutMs / 2;
    client = new MongoClient(url, { ...OPTIONS, serverSelectionTimeoutMS: waitMs, connectTimeoutMS: waitMs, socketTimeoutMS: waitMs, retryReads: false });
    const late = sleep(timeoutMs, undefined, { ref: false }).then(() => Promise.reject(new Error(`no answer in ${timeoutMs / 1_000} s`)));
    return await Promise.race([stateOf(client.db(databaseOf(url))), late]);
  } catch (error) {
    throw new MongoLookError(url, error as Error);
  } finally {
    // One that does not answer is not waited for.
    void client?.close(true).catch(() => undefined);
  }
}

async function stateOf(db: Db): Promise<MongoState> {
  await db.command({ ping: 1 });
  const found = await Promise.all([users(db), devices(db), groups(db)].map((collection) => collection.findOne({}, { projection: { _id: 1 } })));
  return { isEmpty: found.every((one) => one === null), missingIndexes: await missingIndexes(db), unfinishedMove: await unfinishedMove(db), folder: await ownerOf(db) };
}

/** The address with its database, as it may be shown: user, password and options left out. */
export function shownAddress(url: string): string {
  const [, scheme, hosts] = /^(mongodb(?:\+srv)?:\/\/)(?:[^/?@]*@)?([^/?]*)/.exec(url) ?? [];
  return `${scheme ?? ''}${hosts ?? ''}/${databaseOf(url)}`;
}

/** What a driver says may repeat what it was given. */
function withoutSecrets(url: string, text: string): string {
  const [, credentials = ''] = /^mongodb(?:\+srv)?:\/\/([^/?@]*)@/.exec(url) ?? [];
  const [, options = ''] = /\?(.*)$/.exec(url) ?? [];
  const ofOptions = options.split('&').filter((option) => /^authMechanismProperties=|password=/i.test(option)).flatMap((option) => option.split(/[=:,]/).slice(1));
  return [credentials, ...credentials.split(':').slice(1), ...ofOptions].flatMap((secret) => [secret, decoded(secret)]).filter((secret) => secret !== '').reduce((shown, secret) => shown.replaceAll(secret, '…'), text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
