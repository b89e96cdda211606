import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Status } from './client/device.js';
import type { Order, Report } from './client/main.js';

const main = fileURLToPath(new URL('client/main.js', import.meta.url));

/** One process of clients, which may be killed and frozen, and is started again with the same journals. */
export class Clients {
  /** What it last said of its devices; empty while it is not running. */
  devices: Record<string, Status> = {};
  private child: ChildProcess | undefined;
  private lives = 0;
  private frozen: NodeJS.Timeout | undefined;
  /** What a process that is started again is told first. */
  private mood: 'talk' | 'quiet' | undefined;

  /** @param failed it ended though nobody killed it */
  constructor(private readonly folder: string, readonly number: number, private readonly failed: (why: string) => void) {}

  get running(): boolean {
    return this.child !== undefined;
  }

  start(): void {
    if (this.child) return;
    const child = fork(main, [this.folder, String(this.number), String(++this.lives)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let complaint = '';
    child.stderr!.on('data', (chunk: Buffer) => (complaint = (complaint + String(chunk)).slice(-4_000)));
    child.on('message', (report: Report) => (this.devices = report.devices));
    // It may be dead already when it is told something.
    child.on('error', () => undefined);
    child.on('exit', (code, signal) => {
      this.devices = {};
      this.child = undefined;
      clearTimeout(this.frozen);
      this.frozen = undefined;
      if (signal !== 'SIGKILL') this.failed(`clients ${this.number} ended, code ${code}, signal ${signal}: ${complaint}`);
    });
    this.child = child;
    if (this.mood) this.tell({ order: this.mood });
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (!child) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
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

  takeOver(clientId: string): void {
    this.tell({ order: 'take over', clientId });
  }

  talk(): void {
    this.mood = 'talk';
    this.tell({ order: 'talk' });
  }

  becomeQuiet(): void {
    this.mood = 'quiet';
    this.tell({ order: 'quiet' });
  }

  private tell(order: Order): void {
    const { child } = this;
    if (child?.connected) child.send(order, () => undefined);
  }
}
