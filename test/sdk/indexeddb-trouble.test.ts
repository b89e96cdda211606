import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { Code, type Client } from 'godwit-client';
import type { CDPSession, Page } from 'playwright-core';
import { tokenFor } from '../support/address.js';
import { Browser, noChromium } from '../support/browser.js';
import { temporaryFolder } from '../support/folder.js';
import { startGodwit } from '../support/godwit.js';
import { serveScript } from '../support/site.js';
import type { Chat } from './client-page.js';
import { Scene } from './fixtures.js';

/** Calls a method of the page's `chat`. */
function ask<M extends keyof Chat>(page: Page, method: M, ...parameters: Parameters<Chat[M]>): Promise<Awaited<ReturnType<Chat[M]>>> {
  const called = ([method, parameters]: [M, Parameters<Chat[M]>]): unknown => {
    const { chat } = globalThis as unknown as { chat: Record<M, (...parameters: unknown[]) => unknown> };
    return chat[method](...parameters);
  };
  return page.evaluate(called as never, [method, parameters] as never);
}

interface Trouble {
  page: Page;
  debug: CDPSession;
  origin: string;
  bob: Client;
  /** Opens alice in the page, again after a reload; the name of her device. */
  open(): Promise<string>;
}

/** What the server had to tell so far came before the answers to these. */
async function heardOfEverything(client: Client): Promise<void> {
  for (let i = 0; i < 10; i++) await client.send(client.user, `${i}`).until('sent');
}

/** alice in a page, and bob. */
async function trouble(run: (at: Trouble) => Promise<void>): Promise<void> {
  // Ends last first: a server whose folder is gone complains.
  const scene = new Scene();
  try {
    const origin = await serveScript(scene, import.meta.resolve('./client-page.js'));
    const server = await startGodwit(scene, { env: { GODWIT_CORS_ORIGINS: origin } });
    const browser = await Browser.launch(join(await temporaryFolder(scene), 'profile'));
    scene.after(() => browser.kill());
    const bob = await scene.client({ url: `mqtt://127.0.0.1:${server.mqttPort}` }, 'bob', { token: tokenFor(server, 'bob') });
    await bob.connect();
    const page = await browser.page(origin);
    const timing = { backoffMinMs: 10, backoffMaxMs: 200 };
    const open = (): Promise<string> => ask(page, 'open', 'alice', { url: `ws://127.0.0.1:${server.httpPort}/mqtt`, token: tokenFor(server, 'alice'), timing });
    await run({ page, debug: await browser.debug(page), origin, bob, open });
  } finally {
    await scene.end();
  }
}

test('storage that the browser throws away under a running app: said so, nothing acknowledged, and a new device afterwards', { skip: noChromium, timeout: 90_000 }, () => trouble(async ({ page, debug, origin, bob, open }) => {
  const device = await open();
  await ask(page, 'connect');
  await ask(page, 'send', 'bob', 'before', 'delivered');
  await debug.send('Storage.clearDataForOrigin', { origin, storageTypes: 'indexeddb' });
  const said = ask(page, 'stateWith', 'waiting', Code.UNAVAILABLE);
  const lost = bob.send('alice', 'are you there?');
  await said;
  await heardOfEverything(bob);
  assert.notEqual(lost.state, 'delivered', 'bob is not told that she has it');
  assert.deepEqual(await ask(page, 'failure', 'bob', 'from nowhere'), [Code.UNAVAILABLE, 'failed', 'from nowhere', 1]);
  assert.equal(await ask(page, 'readFails', 'bob'), Code.UNAVAILABLE);
  await page.reload();
  assert.notEqual(await open(), device, 'store lost, new device');
  await ask(page, 'connect');
  await bob.send('alice', 'and now?').until('delivered');
  assert.ok((await ask(page, 'stored', 'bob')).includes('bob: and now?'));
  await ask(page, 'send', 'bob', 'here again', 'delivered');
}));

test('storage that is full: what is sent fails and says so, what comes is not acknowledged, and all goes on when there is room', { skip: noChromium, timeout: 90_000 }, (t) => trouble(async ({ page, debug, origin, bob, open }) => {
  // Before the first write: Chromium remembers for a while how much room there was.
  await debug.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 3_000_000 });
  await open();
  await ask(page, 'connect');
  await ask(page, 'send', 'bob', 'before', 'delivered');
  const [code, state, kept] = await ask(page, 'fill', 'bob');
  assert.deepEqual([code, state], [Code.STORAGE_FULL, 'failed']);
  t.diagnostic(`full after ${kept} messages of 40 kB`);
  const said = ask(page, 'stateWith', 'waiting', Code.STORAGE_FULL);
  const sent = bob.send('alice', randomBytes(50_000));
  await said;
  await heardOfEverything(bob);
  assert.notEqual(sent.state, 'delivered', 'bob is not told that she has it');
  await debug.send('Storage.overrideQuotaForOrigin', { origin });
  await sent.until('delivered');
  await ask(page, 'retryAll');
  await page.reload();
  await open();
  const stored = await ask(page, 'stored', 'bob');
  assert.equal(stored.length, 1 + kept + 1 + 1, 'all of it is there: what was kept, what failed, and what came');
}));
