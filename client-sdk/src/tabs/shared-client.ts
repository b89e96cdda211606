import { createUlid } from 'godwit-schemas';
import { openClient, openDevice } from '../client.js';
import type { Client } from '../client-interface.js';
import { defaultRandom } from '../engine.js';
import { idText } from '../ids.js';
import { memoryStore } from '../memory-store.js';
import { defaultTiming, type ClientOptions } from '../options.js';
import type { Store } from '../store.js';
import type { Transport } from '../transport.js';
import { Deferred } from '../wait.js';
import { Host } from './host.js';
import { Leadership } from './leadership.js';
import { browserTabs, type TabPlatform } from './platform.js';
import { TabClient } from './tab-client.js';

/** As `ClientOptions`, but for the store, which only the tab that leads opens. */
export interface SharedClientOptions extends Omit<ClientOptions, 'store'> {
  /** Tabs of one origin with the same name share one client: name it for the user. */
  readonly name: string;
  /** Opens the store; called in the tab that leads. The client closes it. */
  readonly open: () => Promise<Store>;
  /** After this long without an answer from the leading tab it counts as frozen, milliseconds. Default 10 s. */
  readonly silenceMs?: number;
  /** How tabs find one another. Default: the browser's Web Locks and BroadcastChannel. */
  readonly tabs?: TabPlatform;
}

/**
 * Seconds. A page in background has its timers run once a minute (Chrome, after five minutes), and the leader may be
 * one: the server waits 1.5 times the keepalive for a ping, which must be longer than the keepalive and that minute.
 */
const keepaliveS = 120;

/** What `createSharedClient` of the browser's entry does: see there. */
export async function openSharedClient(options: SharedClientOptions, defaultTransport: () => Transport): Promise<Client> {
  const { name, open, silenceMs = 10_000, tabs: platform = browserTabs(), random = defaultRandom, now = Date.now, ...rest } = options;
  const timing = { ...defaultTiming, keepaliveS, ...options.timing };
  if (!platform) return openClient({ ...rest, random, now, store: memoryStore() }, defaultTransport);
  const newId = createUlid(now, random);
  const tab = idText(newId());
  const shared = `godwit:${name}`;
  const lockOf = (other: string): string => `${shared}:${other}`;
  const left = new Deferred<void>();
  // Every tab holds a lock of its own: whoever is given that lock knows that the tab is gone.
  await holding(platform, lockOf(tab), left.promise);

  const host = (): Host =>
    new Host({
      id: idText(newId()),
      channel: platform.channel(shared),
      now,
      gone: (other) => new Promise((resolve, reject) => platform.locks.request(lockOf(other), {}, async () => resolve()).catch(reject)),
      open: () => opened({ ...rest, random, now, timing }, open, defaultTransport),
    });
  const client = new TabClient({
    tab,
    channel: platform.channel(shared),
    newId,
    now,
    silenceMs,
    typingEveryMs: timing.typingEveryMs,
    left: async () => {
      await leadership.close().finally(() => left.resolve());
    },
  });
  const leadership = new Leadership({ platform, lock: shared, random, host, failed: (error) => client.cannotLead(error) });
  try {
    await client.join();
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

/** Resolves when the lock is held; it is until the promise is settled. */
function holding(platform: TabPlatform, lock: string, until: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    platform.locks
      .request(lock, {}, () => {
        resolve();
        return until;
      })
      .catch(reject);
  });
}

async function opened(options: Omit<ClientOptions, 'store'>, open: () => Promise<Store>, defaultTransport: () => Transport): ReturnType<typeof openDevice> {
  const store = await open();
  try {
    return await openDevice({ ...options, store }, defaultTransport);
  } catch (error) {
    await store.close();
    throw error;
  }
}
