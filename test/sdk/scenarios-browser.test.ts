import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Browser, noChromium } from '../support/browser.js';
import { temporaryFolder } from '../support/folder.js';
import { serveScript } from '../support/site.js';
import type { Part } from './scenario-page.js';
import { ScenarioWorld } from './scenario-world.js';
import type { World } from './scenario.js';
import { environmentOf, scenarios } from './scenarios.js';

describe('what the SDK promises, with the real server, in Chromium: IndexedDB, the slim transport', { skip: noChromium, timeout: 240_000 }, () => {
  const endings: (() => unknown)[] = [];
  const scope = { after: (end: () => unknown) => void endings.push(end) };
  let origin: string;
  let browser: Browser;

  before(async () => {
    origin = await serveScript(scope, import.meta.resolve('./scenario-page.js'));
    browser = await Browser.launch(join(await temporaryFolder(scope), 'profile'));
    scope.after(() => browser.close());
  });
  after(async () => {
    for (const end of endings.reverse()) await end();
  });

  for (const [n, [scenario, parts]] of Object.entries(scenarios).entries()) {
    test(scenario, async (t) => {
      const world = await ScenarioWorld.start(t, { GODWIT_CORS_ORIGINS: origin, ...environmentOf(scenario) });
      world.onOffline = (offline) => browser.context.setOffline(offline);
      let carried: unknown;
      for (let part = 0; part < parts.length; part++) {
        const page = await browser.context.newPage();
        try {
          await page.exposeFunction('world', (method: keyof World, ...parameters: unknown[]) => (world[method] as (...parameters: unknown[]) => unknown)(...parameters));
          // A page without a network cannot be loaded; one that is there can lose it.
          await browser.context.setOffline(false);
          await page.goto(origin);
          const options: Part = { scenario, part, suffix: `${n}`, url: world.urls.ws, carried };
          carried = await page.evaluate((options) => (globalThis as unknown as { runPart(options: unknown): Promise<unknown> }).runPart(options), options as never);
        } finally {
          // As a user closes a tab: the app hears nothing of it.
          await page.close();
        }
      }
    });
  }
});
