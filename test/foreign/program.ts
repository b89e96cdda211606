import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { inTime } from '../support/recorder.js';
import type { Scope } from '../support/folder.js';

/** A reason to skip where a program is not installed; false where it is. */
export function missing(program: string): string | false {
  return spawnSync(program, ['--help']).error ? `${program} is not installed` : false;
}

/** Somebody else's program, and what it prints. */
export class Program {
  stdout = '';
  stderr = '';
  private readonly whenEnded: Promise<number | null>;
  private readonly waiters = new Set<() => void>();

  private constructor(private readonly child: ChildProcess, private readonly name: string) {
    child.stdout!.on('data', (chunk: Buffer) => {
      this.stdout += String(chunk);
      for (const look of this.waiters) look();
    });
    child.stderr!.on('data', (chunk: Buffer) => (this.stderr += String(chunk)));
    this.whenEnded = new Promise((resolve) => child.once('close', resolve));
  }

  static start(t: Scope, name: string, args: string[]): Program {
    const child = spawn(name, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    t.after(() => void child.kill('SIGKILL'));
    return new Program(child, name);
  }

  /** Lines that it has printed, whole ones. */
  get lines(): string[] {
    return this.stdout.split('\n').slice(0, -1);
  }

  say(text: string): void {
    this.child.stdin!.end(text);
  }

  kill(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }

  /** Resolves when it has printed so many lines that fit. */
  printed(expected: RegExp, count = 1): Promise<string[]> {
    const found = (): string[] => this.lines.filter((line) => expected.test(line));
    const come = new Promise<string[]>((resolve) => {
      const look = (): void => {
        if (found().length < count) return;
        this.waiters.delete(look);
        resolve(found());
      };
      this.waiters.add(look);
      look();
    });
    return inTime(`${count} lines ${expected} of ${this.name}`, come);
  }

  /** Its exit code. */
  get ended(): Promise<number | null> {
    return inTime(`the end of ${this.name}`, this.whenEnded);
  }
}
