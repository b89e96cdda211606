import assert from 'node:assert/strict';
import { createClient, memoryStore, type Client } from 'godwit-client';
import type { Page } from 'playwright-core';
import { Recorder, texts } from '../sdk/fixtures.js';
import { tokenFor } from '../support/address.js';
import { Browser } from '../support/browser.js';
import type { Scope } from '../support/folder.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { serveExample } from './site.js';

/** What the form asks for. */
interface Door {
  readonly url: string;
  readonly token: string;
}

/** An example's page in a tab, as its user sees it. */
export class ExampleTab {
  private constructor(readonly page: Page) {}

  /** Loads the page. */
  static async load(browser: Browser, origin: string): Promise<ExampleTab> {
    return new ExampleTab(await browser.page(origin));
  }

  /** Fills in the form and submits it. */
  async enter(door: Door, peer = 'bob'): Promise<void> {
    for (const [name, value] of Object.entries({ ...door, user: 'alice', peer })) await this.page.fill(`[name=${name}]`, value);
    await this.page.press('[name=peer]', 'Enter');
  }

  async connection(state: RegExp): Promise<void> {
    await this.page.locator('[role=status]', { hasText: state }).waitFor();
  }

  async say(text: string): Promise<void> {
    await this.page.fill('[name=text]', text);
    await this.page.press('[name=text]', 'Enter');
  }

  /** Resolves when an own message with this tick is shown. */
  async line(text: string, tick: string): Promise<void> {
    await this.page.locator('li.own', { hasText: text }).locator(`.tick.${tick}`).waitFor();
  }

  /** The texts on the screen, from top to bottom. */
  lines(): Promise<(string | null)[]> {
    return this.page.locator('li').evaluateAll((items: unknown[]) => (items as { firstChild: { textContent: string | null } }[]).map((item) => item.firstChild.textContent));
  }
}

/** An example that is served, a server that lets it in, a browser, and bob, who is not connected yet. */
export interface World {
  readonly origin: string;
  readonly server: TestServer;
  readonly door: Door;
  readonly browser: Browser;
  readonly bob: Client;
  readonly heard: Recorder<'message' | 'gap'>;
}

export async function world(t: Scope, example: string, entry: string): Promise<World> {
  const origin = await serveExample(t, example, entry);
  const server = await startGodwit(t, { env: { GODWIT_CORS_ORIGINS: origin } });
  const browser = await Browser.start(t);
  const bob = await createClient({ url: `mqtt://127.0.0.1:${server.mqttPort}`, token: tokenFor(server, 'bob'), store: memoryStore() });
  t.after(() => bob.close());
  const door = { url: `ws://127.0.0.1:${server.httpPort}/mqtt`, token: tokenFor(server, 'alice') };
  return { origin, server, door, browser, bob, heard: new Recorder(bob, 'message', 'gap') };
}

/**
 * No network, and no server either: three messages are written, the tab is closed, and opened again. Then there are
 * both: the three arrive once, in order, and their ticks are shown. Two tabs are one device.
 */
export async function closedTabLosesNothing({ origin, server, door, browser, bob, heard }: World): Promise<void> {
  // Stands for a service worker: a browser without a network loads no page.
  await browser.context.route(`${origin}/**`, async (route) => {
    const { status, headers, body } = await fetch(route.request().url()).then(async (response) => ({ status: response.status, headers: Object.fromEntries(response.headers), body: Buffer.from(await response.arrayBuffer()) }));
    await route.fulfill({ status, headers, body });
  });
  await bob.connect();
  const first = await ExampleTab.load(browser, origin);
  await first.enter(door);
  await first.connection(/^connected$/);
  await first.say('before');
  await first.line('before', 'delivered');

  const { mqttPort, httpPort } = server;
  await browser.context.setOffline(true);
  await server.stop();
  await first.connection(/^waiting/);
  const written = ['one', 'two', 'three'];
  for (const text of written) {
    await first.say(text);
    await first.line(text, 'queued');
  }
  await first.page.close();

  const second = await ExampleTab.load(browser, origin);
  await second.enter(door);
  for (const text of written) await second.line(text, 'queued');
  assert.deepEqual(await second.lines(), ['before', ...written], 'still offline');

  await server.start({ GODWIT_MQTT_PORT: String(mqttPort), GODWIT_HTTP_PORT: String(httpPort) });
  await browser.context.setOffline(false);
  await bob.connect();
  for (const text of written) await second.line(text, 'delivered');
  await bob.markRead('alice', 4);
  for (const text of written) await second.line(text, 'read');
  // Behind whatever would come twice.
  await second.say('after');
  await heard.until((events) => texts(events).includes('after'));
  assert.deepEqual(texts(heard.events), ['before', ...written, 'after']);
  await second.line('after', 'delivered');
  assert.deepEqual(await second.lines(), ['before', ...written, 'after']);

  // Another tab has the same, and goes on when the one before it is closed.
  const third = await ExampleTab.load(browser, origin);
  await third.enter(door);
  await third.line('after', 'delivered');
  assert.deepEqual(await third.lines(), ['before', ...written, 'after']);
  await second.page.close();
  await third.say('from the other tab');
  await third.line('from the other tab', 'delivered');
  assert.deepEqual(texts(heard.events), ['before', ...written, 'after', 'from the other tab']);
  // While there is no server, Chromium logs each try of the WebSocket.
  assert.deepEqual(browser.faults.filter((fault) => !fault.includes('WebSocket connection')), []);
}
