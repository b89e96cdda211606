import { describe, test } from 'node:test';
import { createClient, memoryStore, mqttTransport, webSocketTransport, type Client, type ClientOptions, type NetworkHints, type Store, type Transport } from 'godwit-client';
import { WebSocket } from 'ws';
import { lasting } from './fixtures.js';
import { ScenarioWorld } from './scenario-world.js';
import type { Stage } from './scenario.js';
import { environmentOf, scenarios } from './scenarios.js';

/** What a browser says of the network, by hand. */
class Hints implements NetworkHints {
  online = true;
  #listeners = new Set<(online: boolean) => void>();

  listen(listener: (online: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(online: boolean): void {
    this.online = online;
    for (const listener of this.#listeners) listener(online);
  }
}

const kinds: readonly [string, 'mqtt' | 'ws', Transport][] = [
  ['mqtt.js over TCP', 'mqtt', mqttTransport()],
  ['the slim transport', 'ws', webSocketTransport({ WebSocket: WebSocket as never })],
];

for (const [name, scheme, transport] of kinds) {
  describe(`what the SDK promises, with the real server, in Node: ${name}`, { timeout: 120_000, concurrency: 2 }, () => {
    for (const [n, [scenario, parts]] of Object.entries(scenarios).entries()) {
      test(scenario, async (t) => {
        const world = await ScenarioWorld.start(t, environmentOf(scenario));
        const hints = new Hints();
        world.onOffline = (offline) => hints.set(!offline);
        const stores = new Map<string, Store>();
        const url = world.urls[scheme];
        let carried: unknown;
        for (const part of parts) {
          const clients: Client[] = [];
          const user = (name: string): string => `${name}${n}`;
          const client = async (name: string, { as = name, ...options }: Partial<ClientOptions> & { as?: string } = {}): Promise<Client> => {
            const key = `${name} ${as}`;
            if (!stores.has(key)) stores.set(key, memoryStore());
            const made = await createClient({ url, transport, network: hints, store: lasting(stores.get(key)!), token: () => world.token(user(name)), ...options, timing: { backoffMinMs: 10, callTimeoutMs: 10_000, ...options.timing } });
            clients.push(made);
            return made;
          };
          const connected: Stage['connected'] = async (...parameters) => {
            const made = await client(...parameters);
            await made.connect();
            return made;
          };
          try {
            carried = await part({ world, transport, url, user, client, connected }, carried as never);
          } finally {
            await Promise.all(clients.map((one) => one.close()));
          }
        }
      });
    }
  });
}
