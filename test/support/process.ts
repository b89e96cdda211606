import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Address } from './address.js';
import { temporaryFolder, type Scope } from './folder.js';
import { SECRET } from './godwit.js';
import { DEADLINE_MS } from './recorder.js';

const main = fileURLToPath(new URL('../../broker/cli/main.js', import.meta.url));

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** `godwit serve` as a process of its own, which a test may kill. */
export class ServeProcess implements Address {
  readonly secret = SECRET;
  mqttPort = 0;
  httpPort = 0;
  /** What the process was started as prints. */
  stdout = '';
  stderr = '';
  private child: ChildProcess | undefined;
  private ended: Promise<Ended> | undefined;

  private constructor(
    readonly data: string,
    private readonly env: Record<string, string>,
  ) {}

  /** Starts it, and waits until it says where it listens. */
  static async start(t: Scope, env: Record<string, string> = {}, data?: string): Promise<ServeProcess> {
    const server = await ServeProcess.prepare(t, env, data);
    await server.start();
    return server;
  }

  /** Not started yet. */
  static async prepare(t: Scope, env: Record<string, string> = {}, data?: string): Promise<ServeProcess> {
    const server = new ServeProcess(data ?? join(await temporaryFolder(t), 'data'), env);
    t.after(() => server.kill());
    return server;
  }

  get pid(): number {
    return this.child!.pid!;
  }

  /** Also again after it has ended, on the same folder. */
  async start(): Promise<void> {
    const ended = this.spawn();
    const ports = new Promise<void>((resolve) => {
      const look = (): void => {
        const mqtt = /mqtt:\/\/[^\s/]+:(\d+)/.exec(this.stdout);
        const http = /https?:\/\/[^\s/]+:(\d+)/.exec(this.stdout);
        if (!mqtt || !http) return;
        this.mqttPort = Number(mqtt[1]);
        this.httpPort = Number(http[1]);
        resolve();
      };
      this.child!.stdout!.on('data', look);
    });
    const failed = ended.then(({ code, signal, stderr }) => Promise.reject(new Error(`the server ended (code ${code}, signal ${signal}): ${stderr}`)));
    await Promise.race([ports, failed]);
    failed.catch(() => {});
  }

  /** Starts a server that is to refuse its work; resolves when it has ended. */
  run(): Promise<Ended> {
    return this.spawn();
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.signal('SIGKILL');
  }

  /** Sends a signal, and waits for the end. */
  async signal(signal: NodeJS.Signals): Promise<Ended | undefined> {
    if (!this.child || !this.ended) return undefined;
    this.child.kill(signal);
    return this.ended;
  }

  /** Sends a signal, and does not wait. */
  send(signal: NodeJS.Signals): void {
    this.child!.kill(signal);
  }

  whenEnded(): Promise<Ended> {
    return this.ended!;
  }

  private spawn(): Promise<Ended> {
    this.stdout = this.stderr = '';
    const child = spawn(process.execPath, [main, 'serve'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        GODWIT_MQTT_PORT: '0',
        GODWIT_HTTP_PORT: '0',
        GODWIT_DATA: this.data,
        GODWIT_AUTH_SECRET: SECRET,
        GODWIT_MESSAGES_PER_MINUTE: '0',
        GODWIT_CONNECTS_PER_MINUTE: '0',
        GODWIT_MIN_FREE_BYTES: '0',
        ...this.env,
      },
    });
    child.stdout.on('data', (chunk: Buffer) => (this.stdout += String(chunk)));
    child.stderr.on('data', (chunk: Buffer) => (this.stderr += String(chunk)));
    this.child = child;
    const hung = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS * 6);
    this.ended = once(child, 'close').then(([code, signal]) => {
      clearTimeout(hung);
      this.child = undefined;
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, stdout: this.stdout, stderr: this.stderr };
    });
    return this.ended;
  }
}

/** `godwit serve` as a child, on free ports in a temporary folder; it ends with the test. */
export function serveProcess(t: Scope, env?: Record<string, string>, data?: string): Promise<ServeProcess> {
  return ServeProcess.start(t, env, data);
}
