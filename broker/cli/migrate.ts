import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { limits } from 'godwit-schemas';
import { pino } from 'pino';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';
import { openMigration, type Counts, type Migration } from '../../plugins/store-mongo/index.js';
import { isMoved, markMoved } from '../place.js';
import type { Storage } from '../ports/storage.js';
import { CommandError, UsageError } from './errors.js';
import { localConfig } from './server.js';

/** Read and written at once. */
const PAGE = limits.usersPage.value;

/**
 * Moves the users, devices and groups of a data folder into an empty database, and counts them there. The folder keeps
 * the messages, and is marked; what it had of the rest is not looked at any more.
 * @throws CommandError, StorageOpenError when the folder is in use or MongoDB cannot be reached
 */
export async function migrate(options: { data?: string }): Promise<void> {
  const { data, mongoUrl: url } = localConfig(options);
  if (url === undefined) throw new UsageError('where to? set GODWIT_MONGO_URL');
  if (!existsSync(data)) throw new CommandError(`there is no data folder ${data}`);
  if (isMoved(data)) throw new CommandError(`the users and groups of ${data} are in MongoDB already`);
  const embedded = await openEmbeddedStorage({ folder: data, now: Date.now });
  try {
    const { migration, close } = await openMigration({ url, now: Date.now, log: pino({ level: 'silent' }) });
    try {
      const refusal = await migration.begin(data, Date.now());
      if (refusal !== undefined) throw new CommandError(`nothing was moved into this database: ${refusal}`);
      // What it has by now may be newer than the folder's.
      const { users, devices, groups } = (await migration.ended()) ? await migration.counts() : await move(embedded, migration);
      markMoved(data);
      process.stdout.write(`users: ${users}, devices: ${devices}, groups: ${groups}; as many are there now\n`);
    } finally {
      await close();
    }
  } finally {
    await embedded.close();
  }
  const variable = data === resolve('./data') ? '' : `GODWIT_DATA=${data} `;
  process.stdout.write(`Start it with: GODWIT_MONGO_URL=… ${variable}npx godwit serve\n`);
}

async function move({ directory, groups }: Pick<Storage, 'directory' | 'groups'>, migration: Migration): Promise<Counts> {
  const read: Counts = { users: 0, devices: 0, groups: 0 };
  for (let after = '', more = true; more; ) {
    const page = await directory.users(after, PAGE);
    const devices = (await Promise.all(page.map(({ user }) => directory.devicesOf(user)))).flat();
    await migration.putUsers(page);
    await migration.putDevices(devices);
    for (const { user } of page) await migration.putRevocations(user, await directory.revocationsOf(user));
    read.users += page.length;
    read.devices += devices.length;
    after = page.at(-1)?.user ?? '';
    more = page.length === PAGE;
  }
  for (let after = '', more = true; more; ) {
    const page = await groups.all(after, PAGE);
    await migration.putGroups(page);
    read.groups += page.length;
    after = page.at(-1)?.group ?? '';
    more = page.length === PAGE;
  }
  for (const user of await directory.removals()) await migration.markRemoval(user);
  const there = await migration.counts();
  for (const kind of ['users', 'devices', 'groups'] as const) {
    if (there[kind] !== read[kind]) throw new CommandError(`${read[kind]} ${kind} were read and ${there[kind]} are there: is something else at work in this database? Run it again with an empty one`);
  }
  await migration.end(Date.now());
  return read;
}
