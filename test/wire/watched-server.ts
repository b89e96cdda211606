import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Address } from '../support/address.js';
import { temporaryFolder, type Scope } from '../support/folder.js';
import { SECRET } from '../support/godwit.js';
import { DEADLINE_MS } from '../support/recorder.js';
import type { Holdings, ToParent } from './server-child.js';

const child = fileURLToPath(new URL('./server-child.js', import.meta.url));

/** A server in a process of its own, watched from outside: whether it is still the same, what it logs, what it holds. */
export class WatchedServer implements Address {
  readonly secret = SECRET;
  mqttPort = 0;
  httpPort = 0;
  mqttsPort = 0;
  /** Lines of level error and above. */
  readonly errors: string[] = [];
  /** What it printed to standard error: the stack of an error that nobody caught. */
  private stderr = '';
  private asked: ((holdings: Holdings) => void)[] = [];
  private told: ((lines: string[]) => void)[] = [];
  private ready: (() => void) | undefined;
  private readonly ended: Promise<{ code: number | null; signal: string | null }>;

  private constructor(private readonly process: ChildProcess) {
    this.ended = once(process, 'exit').then(([code, signal]) => ({ code: code as number | null, signal: signal as string | null }));
    process.stderr!.on('data', (chunk: Buffer) => (this.stderr += String(chunk)));
    process.on('message', (message: ToParent) => this.heard(message));
  }

  /** It is stopped when the test ends, if it was not before. */
  static async start(t: Scope, env: Record<string, string> = {}): Promise<WatchedServer> {
    const data = join(await temporaryFolder(t), 'data');
    const server = new WatchedServer(
      fork(child, {
        execArgv: ['--expose-gc', '--enable-source-maps', '--disable-warning=ExperimentalWarning'],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        env: {
          PATH: process.env.PATH,
          GODWIT_MQTT_PORT: '0',
          GODWIT_HTTP_PORT: '0',
          GODWIT_DATA: data,
          GODWIT_AUTH_SECRET: SECRET,
          GODWIT_MESSAGES_PER_MINUTE: '0',
          GODWIT_CONNECTS_PER_MINUTE: '0',
          GODWIT_MIN_FREE_BYTES: '0',
          ...env,
        },
      }),
    );
    t.after(async () => {
      server.process.kill('SIGKILL');
      await server.ended;
    });
    await Promise.race([new Promise<void>((resolve) => (server.ready = resolve)), server.died()]);
    return server;
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** It runs, and nothing went wrong in it so far. */
  check(): void {
    assert.equal(this.process.exitCode ?? this.process.signalCode, null, `the server ended: ${this.stderr}`);
    assert.deepEqual(this.errors, [], 'no errors are logged');
    assert.equal(this.stderr, '', 'nothing is printed to standard error');
  }

  /** Garbage is collected before. */
  async holdings(): Promise<Holdings> {
    const answer = new Promise<Holdings>((resolve) => this.asked.push(resolve));
    this.process.send('holdings');
    return Promise.race([answer, this.died()]);
  }

  /** The last lines of its log about a user. */
  async recent(user: string): Promise<string> {
    const answer = new Promise<string[]>((resolve) => this.told.push(resolve));
    this.process.send('recent');
    const lines = await Promise.race([answer, this.died()]);
    return lines.filter((line) => (JSON.parse(line) as { user?: string }).user === user).slice(-5).join('');
  }

  /** Stops it in good order: its process ends by itself, because nothing is left open in it. */
  async stop(): Promise<void> {
    this.check();
    this.process.send('stop');
    const late = setTimeout(() => this.process.kill('SIGKILL'), DEADLINE_MS);
    const { code, signal } = await this.ended;
    clearTimeout(late);
    assert.deepEqual({ code, signal, stderr: this.stderr }, { code: 0, signal: null, stderr: '' });
  }

  private async died(): Promise<never> {
    const { code, signal } = await this.ended;
    throw new Error(`the server ended (code ${code}, signal ${signal}): ${this.stderr}`);
  }

  private heard(message: ToParent): void {
    switch (message.kind) {
      case 'ready':
        this.mqttPort = message.mqttPort;
        this.httpPort = message.httpPort;
        this.mqttsPort = message.mqttsPort ?? 0;
        this.ready!();
        break;
      case 'error':
        this.errors.push(message.line);
        break;
      case 'holdings':
        this.asked.shift()!(message.holdings);
        break;
      case 'recent':
        this.told.shift()!(message.lines);
    }
  }
}
