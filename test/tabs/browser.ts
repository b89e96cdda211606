import { existsSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium, type Browser } from 'playwright-core';
import type { Scope } from '../support/folder.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin'];
const executablePath = folders.map((folder) => join(folder, 'chromium')).find((file) => existsSync(file));

/** Why a test with Chromium cannot run here; false when it can. */
export const noChromium: string | false = executablePath === undefined && 'no Chromium: apt-get install chromium';

const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** A real browser; it ends with the test. */
export async function launchChromium(t: Scope): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: executablePath!, headless: true, args });
  t.after(() => browser.close());
  return browser;
}

/** Bundles a script as an app would for browsers, and serves it in an empty page. @returns the page's URL. */
export async function servePage(t: Scope, entry: string): Promise<string> {
  const { outputFiles } = await build({ entryPoints: [join(root, entry)], bundle: true, write: false, format: 'iife', platform: 'browser', target: 'es2022', absWorkingDir: root });
  const script = outputFiles[0].text;
  const server = http.createServer((request, response) => {
    if (request.url === '/page.js') response.setHeader('content-type', 'text/javascript').end(script);
    else response.setHeader('content-type', 'text/html').end('<!doctype html><title>tab</title><script src="/page.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
