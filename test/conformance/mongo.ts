import { test } from 'node:test';
import { pino } from 'pino';
import type { Archive } from '../../broker/ports/archive.js';
import type { Storage } from '../../broker/ports/storage.js';
import { openMemoryStorage } from '../../plugins/store-memory/index.js';
import { openMongo, type MongoStore } from '../../plugins/store-mongo/index.js';
import { MongoServer, noMongo } from '../support/mongo.js';
import { START_MS, type Backend, type Make } from './backend.js';

/** A suite on the ports that MongoDB fills; the others are in memory. */
export function withMongo(suite: (name: string, make: Make) => void): void {
  if (noMongo) test('MongoDB', { skip: noMongo });
  else suite('MongoDB', mongo);
}

/** A server of its own, and what ends it. */
async function startServer(): Promise<{ server: MongoServer; end: () => Promise<void> }> {
  let end = async (): Promise<void> => undefined;
  const server = await MongoServer.start({ after: (clean) => (end = async () => void (await clean())) });
  return { server, end: () => end() };
}

/** An archive, empty at first. */
export async function openMongoArchive(): Promise<{ archive: Archive; close(): Promise<void> }> {
  const { server, end } = await startServer();
  const store = await openMongo({ url: server.url('archive'), folder: 'archive', now: Date.now, log: pino({ level: 'silent' }) });
  return {
    archive: store.archive,
    async close() {
      await store.close();
      await end();
    },
  };
}

const mongo: Make = async () => {
  const { server, end } = await startServer();
  const clock = { nowMs: START_MS };
  const memory = openMemoryStorage({ now: () => clock.nowMs });
  let store: MongoStore;
  const open = async (): Promise<Storage> => {
    store = await openMongo({ url: server.url('conformance'), folder: 'conformance', now: () => clock.nowMs, log: pino({ level: 'silent' }) });
    return { ...memory, directory: store.directory, groups: store.groups, remote: store.availability };
  };
  const backend: Backend = {
    storage: await open().catch(async (error) => {
      await end();
      throw error;
    }),
    clock,
    async reopen() {
      await store.close();
      backend.storage = await open();
    },
    settle: async () => undefined,
    async remove() {
      await store.close();
      await end();
    },
  };
  return backend;
};
