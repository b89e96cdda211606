/** Runs parts of the scenarios in a browser: IndexedDB, and the transport of the browser's entry. */
import { createClient, indexedDbStore, webSocketTransport, type Client, type ClientOptions } from 'godwit-client';
import type { World } from './scenario.js';
import { scenarios } from './scenarios.js';

declare function world(method: string, ...parameters: unknown[]): Promise<unknown>;

export interface Part {
  scenario: string;
  part: number;
  /** Ends the names of its users. */
  suffix: string;
  url: string;
  carried: unknown;
}

async function runPart({ scenario, part, suffix, url, carried }: Part): Promise<unknown> {
  const asked = new Proxy({}, { get: (_, method: string) => (...parameters: unknown[]) => world(method, ...parameters) }) as World;
  const user = (name: string): string => `${name}${suffix}`;
  const client = async (name: string, { as = name, ...options }: Partial<ClientOptions> & { as?: string } = {}): Promise<Client> => {
    const store = await indexedDbStore(`${user(name)}-${as}`);
    return createClient({ url, store, token: () => asked.token(user(name)), ...options, timing: { backoffMinMs: 10, callTimeoutMs: 10_000, ...options.timing } });
  };
  const connected = async (...parameters: Parameters<typeof client>): Promise<Client> => {
    const made = await client(...parameters);
    await made.connect();
    return made;
  };
  return scenarios[scenario][part]({ world: asked, transport: webSocketTransport(), url, user, client, connected }, carried as never);
}

Object.assign(globalThis, { runPart });
