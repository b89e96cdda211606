import { getActiveResourcesInfo } from 'node:process';
import { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { queryObjects } from 'node:v8';
import { pino } from 'pino';
import type { Engine } from '../../broker/engine.js';
import type { Hub, Plugin } from '../../broker/ports/plugin.js';
import { createGodwit } from '../../broker/server.js';
import { Session } from '../../broker/session/session.js';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';

/**
 * A server in a process of its own that says how much it holds. Run with --expose-gc and an IPC channel; its
 * environment is the server's.
 */

/** What the server holds, after a garbage collection. */
export interface Holdings {
  /** Heap and buffers in use. */
  bytes: number;
  residentBytes: number;
  /** Sockets, timers and whatever else keeps the event loop alive, by kind. */
  resources: Record<string, number>;
  /** Devices that are connected. */
  sessions: number;
  /** Connections that something still refers to, closed ones among them. */
  connections: number;
  /** Sessions that left something in flight behind. */
  detached: number;
}

export type ToParent = { kind: 'ready'; mqttPort: number; httpPort: number; mqttsPort: number | undefined } | { kind: 'error'; line: string } | { kind: 'holdings'; holdings: Holdings } | { kind: 'recent'; lines: string[] };

const ERROR = 50;
/** Lines that are kept, for whoever wants to know why a connection was closed. */
const RECENT = 300;
const recent: string[] = [];
const send = (message: ToParent): void => void process.send!(message);

const lines = new Writable({
  write(chunk, _encoding, done) {
    const line = String(chunk);
    recent.push(line);
    if (recent.length > RECENT) recent.shift();
    if ((JSON.parse(line) as { level: number }).level >= ERROR) send({ kind: 'error', line });
    done();
  },
});

let hub: Hub;
const watching: Plugin = {
  name: 'watching',
  start: (context) => {
    hub = context.hub;
  },
};

const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('GODWIT_')));
// The store's caches are full at once: what grows afterwards is no cache.
const storage = await openEmbeddedStorage({ folder: env.GODWIT_DATA!, now: Date.now, limits: { tailBytes: 2 << 20, readBytes: 1 << 20 } });
const godwit = await createGodwit({ env, storage, plugins: [watching], log: pino({ level: 'info' }, lines) });

process.on('message', async (message) => {
  if (message === 'holdings') send({ kind: 'holdings', holdings: await holdings() });
  else if (message === 'recent') send({ kind: 'recent', lines: recent });
  else {
    await godwit.stop();
    process.disconnect();
  }
});
send({ kind: 'ready', mqttPort: godwit.mqttPort, httpPort: godwit.httpPort, mqttsPort: godwit.mqttsPort });

async function holdings(): Promise<Holdings> {
  const bytes = await bytesAtRest();
  const resources: Record<string, number> = {};
  for (const kind of getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const sessions = hub as Engine['sessions'];
  return { bytes, residentBytes: process.memoryUsage.rss(), resources, sessions: sessions.size, connections: Number(queryObjects(Session)), detached: sizeOf(sessions, 'detached') };
}

/** Heap and buffers, when collecting garbage makes them no less: buffers are let go by another thread, somewhat later. */
async function bytesAtRest(): Promise<number> {
  let least = Infinity;
  for (let vain = 0; vain < 5; vain++) {
    globalThis.gc!();
    await setTimeout(20);
    const { heapUsed, external } = process.memoryUsage();
    if (heapUsed + external < least - 50_000) vain = 0;
    least = Math.min(least, heapUsed + external);
  }
  return least;
}

/** How much one of the maps holds that nobody else looks into. */
function sizeOf(owner: object, name: string): number {
  return (owner as Record<string, Map<unknown, unknown>>)[name].size;
}
