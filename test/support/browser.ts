import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { chromium, type BrowserContext, type CDPSession, type Page, type Browser as Remote } from 'playwright-core';
import type { Scope } from './folder.js';

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
  // A page that a test puts in place of the network's has no address, and would have to be allowed to reach loopback.
  '--disable-features=LocalNetworkAccessChecks',
  '--remote-debugging-port=0',
];

/** A real Chromium on a folder with what it keeps (its profile), which outlives it. */
export class Browser {
  /** What its pages threw, or logged as an error. */
  readonly faults: string[] = [];
  #ended: Promise<unknown>;
  readonly #atExit = (): void => this.#kill();

  private constructor(
    private readonly child: ChildProcess,
    private readonly remote: Remote,
  ) {
    this.#ended = once(child, 'exit');
    process.on('exit', this.#atExit);
  }

  /** With a profile of its own; both are gone when the test ends. */
  static async start(t: Scope): Promise<Browser> {
    const profile = await mkdtemp(join(tmpdir(), 'godwit-test-'));
    // One after the other: a folder that Chromium writes to cannot be removed, and a Chromium that is left keeps the test's process.
    let browser: Browser | undefined;
    t.after(async () => {
      await browser?.kill();
      await rm(profile, { recursive: true, force: true, maxRetries: 10 });
    });
    browser = await Browser.launch(profile);
    return browser;
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
    page.on('pageerror', (error) => this.faults.push(error.message));
    page.on('console', (message) => message.type() === 'error' && this.faults.push(message.text()));
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
