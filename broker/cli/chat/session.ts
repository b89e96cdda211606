import { createClient, GodwitError, type Client, type Timing } from 'godwit-client';
import { readToken } from '../../../plugins/auth/token.js';
import { call, knock } from '../control.js';
import { CommandError } from '../errors.js';
import { findServer, type Server, type ServerOptions } from '../server.js';
import { openStore, storeFolder } from './store-folder.js';

export interface ChatOptions extends ServerOptions {
  store?: string;
}

/** A device of `me`, open and not yet connected. */
export interface ChatSession {
  readonly client: Client;
  readonly me: string;
  /** Whom to talk with first. */
  readonly other: string | undefined;
  readonly server: Server;
  readonly folder: string;
  /** What was done on the way, for whoever sits there. */
  readonly notes: readonly string[];
  /** Adds who is not there yet, on a server of this machine. @returns what was done, for whoever sits there */
  introduce(users: readonly string[]): Promise<string[]>;
}

/** A server of this machine is tried again soon: nobody else is kept from it by that. */
const LOCAL_TIMING: Partial<Timing> = { backoffMinMs: 250, backoffMaxMs: 2_000 };

/**
 * Finds the server and opens the device's store.
 * @throws CommandError
 */
export async function openSession(me: string, other: string | undefined, options: ChatOptions): Promise<ChatSession> {
  const server = findServer(options);
  const owner = options.token === undefined ? me : readToken(options.token)?.claims.sub;
  if (owner !== me) throw new CommandError(typeof owner === 'string' ? `the token is for ${owner}, not for ${me}` : 'what --token gives is no token');
  if (server.mqtt === undefined) throw new CommandError('this needs the MQTT or WebSocket address of the server');
  // A server elsewhere may be out of reach for a while: messages wait here. One of this machine is only to be started.
  if (server.local) await knock(server);
  const introduce = async (users: readonly string[]): Promise<string[]> => (server.local && options.token === undefined ? addMissing(server, users) : []);
  const notes = await introduce(other === undefined ? [me] : [me, other]);
  const folder = options.store ?? storeFolder(me, server.lineage, process.env);
  const store = await openStore(folder, me, server.lineage);
  try {
    const token = (): string => server.token({ user: me });
    const client = await createClient({ url: server.mqtt, user: me, token: options.token ?? token, store, ...(server.local && { timing: LOCAL_TIMING }) });
    return { client, me, other, server, folder, notes, introduce };
  } catch (error) {
    await store.close();
    throw error instanceof GodwitError ? new CommandError(`${error.message} (${folder})`) : error;
  }
}

async function addMissing(server: Server, users: readonly string[]): Promise<string[]> {
  const token = server.token({ user: 'admin', admin: true });
  const notes: string[] = [];
  for (const user of new Set(users)) {
    const { created } = await call(server, token, 'admin.users.add', { user });
    if (created) notes.push(`${user} is new here: added`);
  }
  return notes;
}
