import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium, type BrowserContext, type CDPSession, type Page, type Browser as Remote } from 'playwright-core';
import type { Scope } from '../support/folder.js';

const executable = findChromium();

/** A reason to skip where there is no Chromium; false where there is. */
export const noChromium = executable === undefined && 'no Chromium: apt-get install chromium';

function findChromium(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin'];
  return folders.flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name))).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-breakpad',
  '--disable-dev-shm-usage',
  '--remote-debugging-port=0',
];

/** A real Chromium on a folder with what it keeps (its profile), which outlives it. */
export class Browser {
  #ended: Promise<unknown>;
  readonly #atExit = (): void => this.#kill();

  private constructor(
    private readonly child: ChildProcess,
    private readonly remote: Remote,
  ) {
    this.#ended = once(child, 'exit');
    process.on('exit', this.#atExit);
  }

  /** @param profile a folder, made when it is not there. */
  static async launch(profile: string): Promise<Browser> {
    // A process group of its own: all its processes die together.
    const child = spawn(executable!, [...flags, `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let printed = '';
    const address = await new Promise<string>((resolve, reject) => {
      child.stderr.on('data', (chunk: Buffer) => {
        printed += String(chunk);
        const match = /DevTools listening on (ws:\S+)/.exec(printed);
        if (match) resolve(match[1]);
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`Chromium ended (code ${code}, signal ${signal}): ${printed}`)));
    });
    return new Browser(child, await chromium.connectOverCDP(address));
  }

  /** The context of the profile. */
  get context(): BrowserContext {
    return this.remote.contexts()[0];
  }

  /** A new tab. */
  async page(url: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(url);
    return page;
  }

  /** The debugger of a tab: what no page can do. */
  debug(page: Page): Promise<CDPSession> {
    return this.context.newCDPSession(page);
  }

  /** kill -9 of all its processes. */
  async kill(): Promise<void> {
    this.#kill();
    await this.#ended;
  }

  /** As a user ends it. */
  async close(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const session = await this.remote.newBrowserCDPSession();
      // The answer may be cut off by the end.
      await Promise.race([session.send('Browser.close').catch(() => {}), this.#ended]);
    }
    await this.#ended;
    process.off('exit', this.#atExit);
  }

  #kill(): void {
    if (this.child.exitCode === null && this.child.signalCode === null) process.kill(-this.child.pid!, 'SIGKILL');
  }
}

/**
 * Serves a page that runs a script of the tests, bundled for browsers, on a port of loopback (a secure context).
 * `/denied` is the same page in a sandbox without an origin, where a browser denies all storage.
 * @param entry the compiled script, from this folder: `./store-page.js`.
 * @returns the origin, such as `http://127.0.0.1:4711`.
 */
export async function serveBundle(t: Scope, entry: string): Promise<string> {
  const script = await bundle(`import '${entry}';`);
  const server = createServer((request, response) => {
    // A page without an origin may load it, too.
    if (request.url === '/bundle.js') return response.setHeader('content-type', 'text/javascript').setHeader('access-control-allow-origin', '*').end(script);
    if (request.url === '/denied') response.setHeader('content-security-policy', 'sandbox allow-scripts');
    response.setHeader('content-type', 'text/html').end('<!doctype html><meta charset="utf-8"><title>test</title><link rel="icon" href="data:,"><script type="module" src="/bundle.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A script of an app and all that it imports, as a bundler for browsers makes it. Relative imports are from this folder. */
export async function bundle(contents: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0].contents;
}
