import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { tokenFor } from '../support/address.js';
import { Browser, noChromium } from '../support/browser.js';
import { startGodwit } from '../support/godwit.js';
import { serveScript } from '../support/site.js';
import { Recorder, Scene } from '../sdk/fixtures.js';
import type { Report, TabPage } from './page.js';

/** Calls what the page offers. */
function call<K extends keyof TabPage>(page: Page, name: K, ...args: Parameters<TabPage[K]>): Promise<Awaited<ReturnType<TabPage[K]>>> {
  return page.evaluate(([name, args]) => ((globalThis as unknown as Record<string, (...args: unknown[]) => unknown>)[name as string])(...(args as unknown[])), [name, args] as const) as Promise<Awaited<ReturnType<TabPage[K]>>>;
}

async function openTab(context: BrowserContext, site: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(site);
  return page;
}

test('tabs of a real Chromium: the leader is closed, the next one crashes, in the middle of it all', { timeout: 120_000, skip: noChromium }, async (t) => {
  const site = await serveScript(t, import.meta.resolve('./page.js'));
  const server = await startGodwit(t, { env: { GODWIT_CORS_ORIGINS: new URL(site).origin } });
  const at = new Scene();
  t.after(() => at.end());
  const bob = await at.client({ url: `mqtt://127.0.0.1:${server.mqttPort}` }, 'bob', { token: () => tokenFor(server, 'bob') });
  await bob.connect();
  const heardByBob = new Recorder(bob, 'message', 'gap', 'undecodable');

  const context = (await Browser.start(t)).context;
  const kept: string[] = [];
  const events = new Map<string, [string, string | undefined, boolean][]>([['one', []], ['two', []], ['three', []]]);
  await context.exposeFunction('report', (async ({ tab, kept: text, event }) => {
    if (text) kept.push(text);
    if (event) events.get(tab)!.push(event);
  }) satisfies Report);
  const options = { url: `ws://127.0.0.1:${server.httpPort}/mqtt`, token: tokenFor(server, 'alice') };
  const pages: Page[] = [];
  const devices: string[] = [];
  for (const name of events.keys()) {
    const page = await openTab(context, site);
    pages.push(page);
    devices.push(await call(page, 'open', { ...options, name }));
  }
  const [one, two, three] = pages;
  assert.equal(new Set(devices).size, 1, 'one device');

  // bob goes on with what he sends as he hears of the others: the tabs end while messages go both ways.
  const count = 300;
  const spoken = Array.from({ length: 200 }, (_, i) => `b${i}`);
  let said = 0;
  const speak = (n: number): void => {
    for (const end = Math.min(spoken.length, said + n); said < end; said++) bob.send('alice', spoken[said]);
  };
  bob.on('message', () => speak(1));
  speak(10);
  for (const [page, prefix] of [[one, '1-'], [two, '2-'], [three, '3-']] as const) await call(page, 'sendMany', prefix, count);
  await call(three, 'heard', 'b20');
  await one.close();
  await call(three, 'heard', 'b60');
  const crashed = new Promise((resolve) => two.on('crash', resolve));
  void two.goto('chrome://crash').catch(() => {});
  await crashed;
  await heardByBob.until((all) => all.some((event) => event.type === 'message' && event.text === `3-${count - 1}`));
  speak(spoken.length);
  await call(three, 'heard', spoken.at(-1)!);
  assert.equal(await call(three, 'sendAndAwait', 'last', 'sent'), 'sent');
  await heardByBob.until((all) => all.some((event) => event.type === 'message' && event.text === 'last'));

  const texts = heardByBob.events.map((event) => (event.type === 'message' ? event.text! : event.type));
  assert.equal(new Set(texts).size, texts.length, 'once each');
  for (const text of kept) assert.ok(texts.includes(text), `${text} was kept`);
  for (const prefix of ['1-', '2-', '3-']) {
    const numbers = texts.filter((text) => text.startsWith(prefix)).map((text) => Number(text.slice(2)));
    assert.deepEqual(numbers, numbers.map((_, i) => i), `${prefix} in order, none left out`);
  }
  assert.equal(texts.filter((text) => text.startsWith('3-')).length, count);
  assert.ok(texts.some((text) => text.startsWith('1-')) && texts.some((text) => text.startsWith('2-')));

  assert.deepEqual(events.get('three')!.map(([type, text]) => text ?? type), spoken, 'the tab that lives showed each once, in order');
  const stored = await call(three, 'stored');
  const bobs = await bob.messages('alice', { limit: 10_000 });
  assert.deepEqual(stored.map(([seq, text]) => [seq, text]), bobs.map((message) => message.type === 'message' && [message.seq, message.text]), 'the stores agree');
  assert.deepEqual(stored.map(([seq]) => seq), stored.map((_, i) => i + 1));

  const ticked = call(three, 'sendAndAwait', 'read me', 'read');
  const all = await heardByBob.until((all) => all.some((event) => event.type === 'message' && event.text === 'read me'));
  const last = all.at(-1)!;
  assert.ok(last.type === 'message');
  await bob.markRead('alice', last.seq);
  assert.equal(await ticked, 'read');
  const ticks = (await call(three, 'stored')).filter(([, text]) => !text?.startsWith('b'));
  assert.deepEqual(new Set(ticks.map(([, , tick]) => tick)), new Set(['read']));
  await call(three, 'close');
});
