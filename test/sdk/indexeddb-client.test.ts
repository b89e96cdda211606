import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { tokenFor } from '../support/address.js';
import { Browser, noChromium } from '../support/browser.js';
import { startGodwit } from '../support/godwit.js';
import { serveScript } from '../support/site.js';
import type { Chat } from './client-page.js';
import { Recorder, Scene, texts } from './fixtures.js';

/** Calls a method of the page's `chat`. */
function ask<M extends keyof Chat>(page: Page, method: M, ...parameters: Parameters<Chat[M]>): Promise<Awaited<ReturnType<Chat[M]>>> {
  const called = ([method, parameters]: [M, Parameters<Chat[M]>]): unknown => {
    const { chat } = globalThis as unknown as { chat: Record<M, (...parameters: unknown[]) => unknown> };
    return chat[method](...parameters);
  };
  return page.evaluate(called as never, [method, parameters] as never);
}

test('the SDK in a browser, on IndexedDB, with a real server: what was sent and received outlives the page', { skip: noChromium, timeout: 60_000 }, async (t) => {
  const origin = await serveScript(t, import.meta.resolve('./client-page.js'));
  const server = await startGodwit(t, { env: { GODWIT_CORS_ORIGINS: origin } });
  const browser = await Browser.start(t);
  const scene = new Scene();
  t.after(() => scene.end());
  const bob = await scene.client({ url: `mqtt://127.0.0.1:${server.mqttPort}` }, 'bob', { token: tokenFor(server, 'bob') });
  const bobHears = new Recorder(bob, 'message', 'gap');
  await bob.connect();

  const page = await browser.page(origin);
  const options = { url: `ws://127.0.0.1:${server.httpPort}/mqtt`, token: tokenFor(server, 'alice') };
  const device = await ask(page, 'open', 'alice', options);
  await ask(page, 'connect');
  await ask(page, 'send', 'bob', 'hello from a page', 'delivered');
  await bobHears.until(1);
  await bob.send('alice', 'hello, page').until('delivered');
  assert.deepEqual(await ask(page, 'heard', 1), ['hello, page']);

  await page.reload();
  assert.equal(await ask(page, 'open', 'alice', options), device, 'the same device');
  const stored = ['alice: hello from a page (delivered)', 'bob: hello, page'];
  assert.deepEqual(await ask(page, 'stored', 'bob'), stored, 'before it is connected');

  // Sent while not connected, and again the page goes away: it goes out from the next one.
  await ask(page, 'send', 'bob', 'sent offline', 'queued');
  await page.reload();
  await ask(page, 'open', 'alice', options);
  assert.equal(await ask(page, 'outbox'), 1);
  await ask(page, 'connect');
  await ask(page, 'outboxSent');
  await bob.send('alice', 'had it').until('delivered');
  assert.deepEqual(await ask(page, 'heard', 1), ['had it'], 'nothing is told twice');
  await bobHears.until(2);
  assert.deepEqual(texts(bobHears.events), ['hello from a page', 'sent offline']);
  assert.deepEqual((await ask(page, 'stored', 'bob')).map((one) => one?.replace(/ \(.*/, '')), ['alice: hello from a page', 'bob: hello, page', 'alice: sent offline', 'bob: had it']);
});
