import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Storage } from '../../broker/ports/storage.js';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';
import type { StoreLimits } from '../../plugins/store-embedded/index.js';
import { openMemoryStorage } from '../../plugins/store-memory/index.js';

/** A backend under test, empty at first. */
export interface Backend {
  storage: Storage;
  /** What its entries are stamped with; tests turn it. */
  clock: { nowMs: number };
  /** Closes it and opens what it left behind; undefined: it keeps nothing. */
  reopen: (() => Promise<void>) | undefined;
  /** Resolves when what was written lies where it stays. */
  settle(): Promise<void>;
  /** Closes it and removes what it left behind. */
  remove(): Promise<void>;
}

export type Make = () => Promise<Backend>;

export const START_MS = Date.UTC(2026, 0, 1);

export const memory: Make = async () => {
  const clock = { nowMs: START_MS };
  return { storage: openMemoryStorage({ now: () => clock.nowMs }), clock, reopen: undefined, settle: async () => undefined, remove: async () => undefined };
};

/** The embedded store, by default with bounds so small that everything they are for happens in a test. */
export function embedded(limits: Partial<StoreLimits> = small): Make {
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), 'godwit-store-'));
    const clock = { nowMs: START_MS };
    const open = () => openEmbeddedStorage({ folder, now: () => clock.nowMs, limits });
    let storage = await open();
    const backend: Backend = {
      storage,
      clock,
      async reopen() {
        await storage.close();
        backend.storage = storage = await open();
      },
      settle: () => storage.fill(),
      async remove() {
        await storage.close();
        await rm(folder, { recursive: true });
      },
    };
    return backend;
  };
}

/** Looks at something as it stands at once, where it stays, and after a restart. */
export async function everywhere(backend: Backend, check: () => Promise<void>): Promise<void> {
  await check();
  await backend.settle();
  await check();
  if (!backend.reopen) return;
  await backend.reopen();
  await check();
}

export const small: Partial<StoreLimits> = {
  segmentBytes: 1024 * 1024,
  segments: 3,
  slabBytes: 64 * 1024,
  tailBytes: 64 * 1024,
  fillBytes: 16 * 1024,
  fillMs: 5,
  cursorMs: 2,
  lastSeenMs: 5,
  chunkBytes: 4 * 1024,
  mergeBytes: 600,
  dedupeRow: 4,
  readAheadBytes: 16 * 1024,
  readBytes: 64 * 1024,
  openConversations: 4,
  sweepStep: 8,
  clearPlaces: 10,
};
