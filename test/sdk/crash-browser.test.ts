import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { Browser, noChromium } from '../support/browser.js';
import { temporaryFolder } from '../support/folder.js';
import { serveScript } from '../support/site.js';
import type { Note } from './crash-app.js';
import { steps, type Crash } from './crash-steps.js';
import { crashSuite, type Launcher } from './crash-suite.js';
import { websocketBridge } from './websocket-bridge.js';

const whens = ['before', 'during', 'after'] as const;

test('a page killed at every kind of step of its store: IndexedDB and the slim transport, in Chromium', { skip: noChromium, timeout: 300_000 }, async (t) => {
  const origin = await serveScript(t, import.meta.resolve('./crash-page.js'));
  const browser = await Browser.launch(join(await temporaryFolder(t), 'profile'));
  t.after(() => browser.kill());
  const notes: Note[] = [];
  const launcher: Launcher = {
    name: 'IndexedDB, slim',
    async run(options, asked) {
      const page = await browser.context.newPage();
      let died = (): void => {};
      const dying = new Promise<'killed'>((resolve) => (died = () => resolve('killed')));
      await page.exposeFunction('tell', (note: Note) => void notes.push(note));
      await page.exposeFunction('ask', asked);
      await page.exposeFunction('die', () => died());
      await page.goto(origin);
      const ran = page.evaluate((options) => (globalThis as unknown as { run(options: unknown): Promise<void> }).run(options), options as never).then(() => 'ended' as const);
      const ended = await Promise.race([ran, dying]);
      if (ended === 'killed') {
        ran.catch(() => {});
        const crashed = once(page as never, 'crash');
        // Its process is gone before it could answer.
        (await browser.debug(page)).send('Page.crash').catch(() => {});
        await crashed;
      }
      await page.close();
      return ended;
    },
    notes: async () => notes,
  };
  const crashes = steps.map((step, n): Crash => ({ step, when: whens[(n + 2) % 3] }));
  let url: Promise<string> | undefined;
  await crashSuite(t, launcher, (broker) => (url ??= websocketBridge(t, broker.port)), crashes);
});
