import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Longest time from the start of a server to its first accepted connection, in ms. */
const startMs = 20_000;
const stopMs = 10_000;

export const host = '127.0.0.1';

/** Where the folders of servers are made: one folder a server, gone with it. Data folders lie here too. */
export const workFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'godwit-bench-'));

/** A program of the PATH or of cargo's folder; the environment variable `variable`, a path, goes before both. */
export function findProgram(name: string, variable?: string): string | undefined {
  const named = variable && process.env[variable];
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', join(homedir(), '.cargo', 'bin')];
  return [...(named ? [named] : []), ...folders.map((folder) => join(folder, name))].find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A port that was free a moment ago, for servers that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server's process, its folder, and the last of what it printed. */
export class ServerProcess {
  private output = '';
  private ended: Promise<void>;
  private listeners = new Set<() => void>();

  private constructor(readonly folder: string, private readonly child: ChildProcess) {
    const hear = (data: Buffer) => {
      this.output = (this.output + data.toString('utf8')).slice(-8192);
      for (const listener of this.listeners) listener();
    };
    child.stdout!.on('data', hear);
    child.stderr!.on('data', hear);
    this.ended = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', (error) => {
        hear(Buffer.from(String(error)));
        resolve();
      });
    });
  }

  /** `folder` is removed when the process is stopped. */
  static start(folder: string, program: string, args: string[], env: Record<string, string> = {}): ServerProcess {
    const child = spawn(program, args, { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    return new ServerProcess(folder, child);
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Resolves with what `pattern` finds in the output. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const found = new Promise<RegExpExecArray>((resolve) => {
      const look = () => {
        const match = pattern.exec(this.output);
        if (match) resolve(match);
      };
      this.listeners.add(look);
      look();
    });
    return this.orStop(Promise.race([found, this.failed(`printed nothing like ${pattern}`)]));
  }

  async listening(port: number): Promise<void> {
    const failed = this.failed(`does not listen on ${port}`);
    while (!(await this.orStop(Promise.race([accepts(port), failed])))) await sleep(20);
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    const hard = setTimeout(() => this.child.kill('SIGKILL'), stopMs);
    await this.ended;
    clearTimeout(hard);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A server that did not start is not left behind. */
  private async orStop<T>(started: Promise<T>): Promise<T> {
    try {
      return await started;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  private async failed(what: string): Promise<never> {
    const late = new AbortController();
    await Promise.race([this.ended, sleep(startMs, undefined, { ref: false, signal: late.signal })]);
    late.abort();
    throw new Error(`${this.child.spawnfile} ${what}:\n${this.output.trim()}`);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
