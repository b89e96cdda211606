import { createClient, memoryStore, type Client, type ClientOptions } from 'godwit-client';
import { tokenFor } from '../support/address.js';
import { startGodwit, type TestServer } from '../support/godwit.js';

export type Scope = Parameters<typeof startGodwit>[0];

/** A client on the real server, not connected. */
export async function opened(t: Scope, server: TestServer, user: string, options: Partial<ClientOptions> = {}): Promise<Client> {
  const timing = { backoffMinMs: 10, backoffMaxMs: 100 };
  const client = await createClient({ url: `mqtt://127.0.0.1:${server.mqttPort}`, token: () => tokenFor(server, user), user, store: memoryStore(), timing, ...options });
  t.after(() => client.close());
  return client;
}

/** A device that is connected. */
export async function device(t: Scope, server: TestServer, user: string, options: Partial<ClientOptions> = {}): Promise<Client> {
  const client = await opened(t, server, user, options);
  await client.connect();
  return client;
}
