import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder, type Scope } from '../support/folder.js';

export const main = fileURLToPath(new URL('../../broker/cli/main.js', import.meta.url));

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
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
  async run(args: readonly string[], input = ''): Promise<Outcome> {
    const child = spawn(process.execPath, [main, ...args], { cwd: this.folder, env: this.env });
    const outcome: Outcome = { code: null, stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (outcome.stdout += String(chunk)));
    child.stderr.on('data', (chunk: Buffer) => (outcome.stderr += String(chunk)));
    // A command that refuses its arguments does not read.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    [outcome.code] = (await once(child, 'close')) as [number | null];
    return outcome;
  }

  /** Runs what must succeed. @returns standard output */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`godwit ${args.join(' ')}: code ${code}: ${stderr}${stdout}`);
    return stdout;
  }
}
