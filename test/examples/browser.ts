import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { Scope } from '../support/folder.js';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));

/** A reason to skip where there is no Chromium; false where there is. */
export const noChromium = executablePath === undefined && 'no Chromium: apt-get install chromium';

const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const types = new Map([['.html', 'text/html'], ['.css', 'text/css'], ['.js', 'text/javascript']]);

/** Serves an example with `entry` bundled as `main.js`, as its own `npm start` does. @returns its origin. */
export async function serveExample(t: Scope, name: string, entry: string): Promise<string> {
  const folder = fileURLToPath(new URL(`../../../examples/${name}/`, import.meta.url));
  const { outputFiles } = await build({ entryPoints: [join(folder, entry)], bundle: true, format: 'esm', jsx: 'automatic', write: false, logLevel: 'silent' });
  const server = createServer((request, response) => {
    const file = request.url === '/' ? 'index.html' : request.url!.slice(1);
    const found = (body: string | Uint8Array): unknown => response.setHeader('content-type', types.get(extname(file)) ?? 'text/plain').end(body);
    if (file === 'main.js') found(outputFiles[0].contents);
    else readFile(join(folder, file)).then(found, () => response.writeHead(404).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A Chromium of the test's own, and what its pages throw or log as an error. */
export async function browse(t: Scope): Promise<{ page(origin: string): Promise<Page>; faults: string[] }> {
  const browser: Browser = await chromium.launch({ executablePath: executablePath!, args, headless: true });
  t.after(() => browser.close());
  const faults: string[] = [];
  const page = async (origin: string): Promise<Page> => {
    const opened = await browser.newPage({ viewport: { width: 480, height: 640 } });
    opened.on('pageerror', (error) => faults.push(error.message));
    opened.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    await opened.goto(origin);
    return opened;
  };
  return { page, faults };
}
