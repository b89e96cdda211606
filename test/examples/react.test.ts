import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient, memoryStore } from 'godwit-client';
import { Recorder, texts } from '../sdk/fixtures.js';
import { tokenFor } from '../support/address.js';
import { startGodwit } from '../support/godwit.js';
import { browse, noChromium, serveExample } from './browser.js';

test('the React page: the hook shows what is sent, received and ticked, also over a server that restarts', { skip: noChromium, timeout: 60_000 }, async (t) => {
  const origin = await serveExample(t, 'react', 'main.jsx');
  const server = await startGodwit(t, { env: { GODWIT_CORS_ORIGINS: origin } });
  const bob = await createClient({ url: `mqtt://127.0.0.1:${server.mqttPort}`, token: tokenFor(server, 'bob'), store: memoryStore() });
  t.after(() => bob.close());
  const heard = new Recorder(bob, 'message', 'gap');
  await bob.connect();
  const { page: open, faults } = await browse(t);

  const page = await open(origin);
  await page.fill('[name=url]', `ws://127.0.0.1:${server.httpPort}/mqtt`);
  await page.fill('[name=token]', tokenFor(server, 'alice'));
  await page.click('button');
  const say = async (text: string): Promise<void> => {
    await page.fill('[name=text]', text);
    await page.click('form button');
  };
  const line = (text: string, tick: string): Promise<void> => page.locator('li.own', { hasText: text }).locator(`.tick.${tick}`).waitFor();
  await page.locator('header small', { hasText: /^connected$/ }).waitFor();
  await say('hello, bob');
  await line('hello, bob', 'delivered');
  await bob.markRead('alice', 1);
  await line('hello, bob', 'read');
  await bob.send('alice', 'hello, alice').until('read');

  const { mqttPort, httpPort } = server;
  await server.stop();
  await page.locator('header small', { hasText: /^(waiting|connecting)$/ }).waitFor();
  await say('into the dark');
  await line('into the dark', 'queued');
  await server.start({ GODWIT_MQTT_PORT: String(mqttPort), GODWIT_HTTP_PORT: String(httpPort) });
  await line('into the dark', 'delivered');
  const shown = await page.locator('li').evaluateAll((items) => items.map((item) => item.firstChild!.textContent));
  assert.deepEqual(shown, ['hello, bob', 'hello, alice', 'into the dark']);
  assert.deepEqual(texts(heard.events), ['hello, bob', 'into the dark']);
  if (process.env.TEST_SCREENSHOT) await page.screenshot({ path: process.env.TEST_SCREENSHOT });
  // While the server was away, Chromium logs each try of the WebSocket.
  assert.deepEqual(faults.filter((fault) => !fault.includes('WebSocket connection')), []);
});
