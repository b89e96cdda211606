import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { tokenFor } from '../support/address.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { run } from './project.js';

/** An app of a browser, on the default transport. */
export const app = `
import { Code, createClient, GodwitError, liveMessages, memoryStore, State } from 'godwit-client';
import { createSearch } from 'godwit-client/search';

globalThis.tell = async (url, token, to, text) => {
  const client = await createClient({ url, token, store: memoryStore() });
  await client.connect();
  client.setPresence(State.AWAY);
  const sent = await client.send(to, text).until('delivered');
  const refused = await client.send('nobody', text).until('sent').catch((error) => error);
  const [found] = await createSearch(client).find(text);
  const live = liveMessages(client, to);
  await new Promise((resolve) => live.subscribe(() => live.getSnapshot().loading || resolve()));
  const [shown] = live.getSnapshot().messages;
  await client.close();
  return [sent.state, refused instanceof GodwitError && refused.code === Code.UNKNOWN_USER, found.id === sent.id, shown.id === sent.id];
};
`;

/** A bundle, run with nothing but a browser's WebSocket, tells bob something. */
export async function talks(t: TestContext, folder: string, bundle: string): Promise<void> {
  const code = await readFile(join(folder, bundle), 'utf8');
  assert.ok(!/\bBuffer\b/.test(code), 'no Buffer');
  const server = await startGodwit(t);
  const bob = await Device.connect(t, server, 'bob:phone');
  const script = `
    import WebSocket from ${JSON.stringify(import.meta.resolve('ws'))};
    globalThis.WebSocket = WebSocket;
    await import(${JSON.stringify(pathToFileURL(join(folder, bundle)).href)});
    console.log(JSON.stringify(await tell('ws://127.0.0.1:${server.httpPort}/mqtt', '${tokenFor(server, 'alice')}', 'bob', 'from a bundle')));
  `;
  const [message, { stdout, stderr }] = await Promise.all([bob.next('msg', 'the message'), run(process.execPath, ['--input-type=module', '--eval', script], folder)]);
  assert.equal(message.value.from, 'alice');
  assert.deepEqual([stdout.trim(), stderr], ['["delivered",true,true,true]', '']);
}
