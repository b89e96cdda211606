import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

const main = fileURLToPath(new URL('../../broker/cli/main.js', import.meta.url));
const KEPT_OUTPUT = 200_000;
const RETRY_MS = 200;
const HUNG_MS = 15_000;

export interface ServerEvents {
  /** It ended though nobody ended it. */
  ended(how: string): void;
  /** It was started, and neither listens nor ends. */
  hung(): void;
}

/** The server under test: `godwit serve` as a process, started again and again on the same folder. */
export class Server {
  /** Where it listens; 0 while it is down. */
  port = 0;
  /** For WebSocket; 0 while it is down. */
  httpPort = 0;
  /** How often it was started. */
  lives = 0;
  /** What it printed, the end of it. */
  output = '';
  private child: ChildProcess | undefined;
  private asked = false;
  private frozen: NodeJS.Timeout | undefined;

  constructor(private readonly env: Record<string, string>, private readonly on: ServerEvents) {}

  get up(): boolean {
    return this.port !== 0;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Resolves when it listens. @throws when it ends instead */
  async start(): Promise<void> {
    if (this.child) throw new Error('the server is running');
    this.asked = false;
    this.lives++;
    const child = spawn(process.execPath, [main, 'serve'], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, ...this.env } });
    this.child = child;
    let printed = '';
    const listening = new Promise<[number, number]>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        this.keep(chunk);
        printed += String(chunk);
        const [mqtt, http] = [/mqtt:\/\/[^\s/]+:(\d+)/, /http:\/\/[^\s/]+:(\d+)/].map((address) => address.exec(printed)?.[1]);
        if (mqtt && http) resolve([Number(mqtt), Number(http)]);
      });
    });
    child.stderr.on('data', (chunk: Buffer) => this.keep(chunk));
    const ended = once(child, 'exit').then(([code, signal]) => {
      this.port = this.httpPort = 0;
      this.child = undefined;
      clearTimeout(this.frozen);
      return `code ${code}, signal ${signal}`;
    });
    const hung = setTimeout(() => {
      this.on.hung();
      child.kill('SIGKILL');
    }, HUNG_MS);
    const ports = await Promise.race([listening, ended]);
    clearTimeout(hung);
    if (typeof ports === 'string') throw new Error(`the server ended while starting: ${ports}`);
    [this.port, this.httpPort] = ports;
    void ended.then((how) => {
      if (!this.asked) this.on.ended(how);
    });
  }

  /** Starts it until it listens; @throws when it does not within the time */
  async insist(withinMs: number): Promise<void> {
    const until = Date.now() + withinMs;
    while (!this.up) {
      if (!this.child) await this.start().catch(() => sleep(RETRY_MS));
      else await sleep(RETRY_MS);
      if (!this.up && Date.now() > until) throw new Error(`the server did not start within ${withinMs} ms`);
    }
  }

  /** kill -9 or SIGTERM; resolves when the process is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { child } = this;
    if (!child) return;
    this.asked = true;
    const exit = once(child, 'exit');
    child.kill(signal);
    if (signal === 'SIGTERM') this.thaw();
    await exit;
  }

  freeze(forMs: number): boolean {
    if (!this.child || this.frozen) return false;
    this.child.kill('SIGSTOP');
    this.frozen = setTimeout(() => this.thaw(), forMs);
    return true;
  }

  thaw(): void {
    if (!this.frozen) return;
    clearTimeout(this.frozen);
    this.frozen = undefined;
    this.child?.kill('SIGCONT');
  }

  private keep(chunk: Buffer): void {
    this.output = (this.output + String(chunk)).slice(-KEPT_OUTPUT);
  }
}
