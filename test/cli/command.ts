import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { temporaryFolder, type Scope } from '../support/folder.js';
import { Recorder } from '../support/recorder.js';

export const main = fileURLToPath(new URL('../../broker/cli/main.js', import.meta.url));

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A command that runs. */
export class Running {
  readonly #outcome: Outcome = { code: null, stdout: '', stderr: '' };
  readonly #lines = new Recorder<string>('standard output');
  readonly #ended: Promise<Outcome>;

  constructor(private readonly child: ChildProcessWithoutNullStreams) {
    createInterface({ input: child.stdout }).on('line', (line) => this.#lines.add(line));
    child.stdout.on('data', (chunk: Buffer) => (this.#outcome.stdout += String(chunk)));
    child.stderr.on('data', (chunk: Buffer) => (this.#outcome.stderr += String(chunk)));
    // A command that refuses its arguments does not read.
    child.stdin.on('error', () => {});
    this.#ended = once(child, 'close').then(([code]) => {
      this.#lines.end('the command has ended');
      return { ...this.#outcome, code: code as number | null };
    });
  }

  /** A line of standard output that fits. */
  line(fits: RegExp): Promise<string> {
    return this.#lines.wait(String(fits), (line) => fits.test(line));
  }

  write(input: string): void {
    this.child.stdin.write(input);
  }

  /** Ends its input, and waits for its end. */
  end(input = ''): Promise<Outcome> {
    this.child.stdin.end(input);
    return this.#ended;
  }

  kill(signal: NodeJS.Signals): Promise<Outcome> {
    this.child.kill(signal);
    return this.#ended;
  }
}

/** The command line as someone types it: in a folder of their own, with a home of their own. */
export class Shell {
  private constructor(
    readonly folder: string,
    readonly env: Record<string, string>,
  ) {}

  /** @param env what is set in it */
  static async open(t: Scope, env: Record<string, string> = {}): Promise<Shell> {
    const folder = await temporaryFolder(t);
    return new Shell(folder, { PATH: process.env.PATH ?? '', HOME: join(folder, 'home'), ...env });
  }

  with(env: Record<string, string>): Shell {
    return new Shell(this.folder, { ...this.env, ...env });
  }

  /** Runs `godwit` with these arguments; `input` comes through a pipe. */
  run(args: readonly string[], input = ''): Promise<Outcome> {
    const running = this.start(args);
    return running.end(input);
  }

  /** Starts `godwit`; its input stays open. */
  start(args: readonly string[]): Running {
    return new Running(spawn(process.execPath, [main, ...args], { cwd: this.folder, env: this.env }));
  }

  /** Runs what must succeed. @returns standard output */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`godwit ${args.join(' ')}: code ${code}: ${stderr}${stdout}`);
    return stdout;
  }
}
