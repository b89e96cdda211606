import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient, memoryStore } from 'godwit-client';
import { Recorder, texts } from '../sdk/fixtures.js';
import { tokenFor } from '../support/address.js';
import { startGodwit } from '../support/godwit.js';
import { browse, noChromium, serveExample } from './browser.js';

test('the page: what is typed goes out, its ticks come, and what bob writes is shown and read', { skip: noChromium, timeout: 60_000 }, async (t) => {
  const origin = await serveExample(t, 'page', 'main.js');
  const server = await startGodwit(t, { env: { GODWIT_CORS_ORIGINS: origin } });
  const bob = await createClient({ url: `mqtt://127.0.0.1:${server.mqttPort}`, token: tokenFor(server, 'bob'), store: memoryStore() });
  t.after(() => bob.close());
  const heard = new Recorder(bob, 'message', 'gap');
  const { page: open, faults } = await browse(t);

  const page = await open(origin);
  await page.fill('[name=url]', `ws://127.0.0.1:${server.httpPort}/mqtt`);
  await page.fill('[name=token]', tokenFor(server, 'alice'));
  await page.fill('[name=peer]', 'no user');
  await page.click('#door button');
  await page.locator('#door .error', { hasText: 'no user' }).waitFor();
  await page.fill('[name=peer]', 'bob');
  await page.click('#door button');
  await page.locator('.connection', { hasText: /^connected$/ }).waitFor();

  const say = async (text: string): Promise<void> => {
    await page.fill('[name=text]', text);
    await page.click('#chat form button');
  };
  const line = (text: string, tick: string): Promise<void> => page.locator('li.own', { hasText: text }).locator(`.tick.${tick}`).waitFor();

  // Nobody knows bob yet.
  await say('to nobody');
  await line('to nobody', 'failed');
  await bob.connect();
  await say('hello <b>bob</b>');
  await line('hello <b>bob</b>', 'delivered');
  await bob.markRead('alice', 1);
  await line('hello <b>bob</b>', 'read');
  assert.deepEqual(texts(heard.events), ['hello <b>bob</b>']);

  await bob.send('alice', 'hello, alice').until('read');
  await say('one more');
  await line('one more', 'delivered');
  const shown = await page.locator('li').evaluateAll((items) => items.map((item) => item.firstChild!.textContent));
  assert.deepEqual(shown, ['hello <b>bob</b>', 'hello, alice', 'one more', 'to nobody']);
  if (process.env.TEST_SCREENSHOT) await page.screenshot({ path: process.env.TEST_SCREENSHOT });
  assert.deepEqual(faults, []);
});
