import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SECRET } from '../support/godwit.js';
import { serveProcess, type ServeProcess } from '../support/process.js';
import { DEADLINE_MS } from '../support/recorder.js';
import { main, Shell } from './command.js';

const run = promisify(execFile);
/** Why these tests cannot be run here, if they cannot. */
export const missing = spawnSync('tmux', ['-V']).error ? 'no tmux on this machine (apt-get install tmux)' : false;

/** As a line of shell. */
export const godwit = (args: readonly string[]): string => [process.execPath, main, ...args].map((word) => `'${word}'`).join(' ');

/** tmux tells of nothing by itself: it is asked again and again. */
export async function until(what: string, expected: RegExp, look: () => Promise<string>): Promise<string> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const seen = await look();
    if (expected.test(seen)) return seen;
    assert.ok(Date.now() < deadline, `${what}: expected ${String(expected)}, got:\n${seen}`);
    await pause(30);
  }
}

/** People, each at a terminal of their own, in tmux. */
export class Panes {
  #begun = false;

  private constructor(
    private readonly socket: string,
    private readonly shell: Shell,
    private readonly size: readonly [string, string],
  ) {}

  static async open(t: TestContext, shell: Shell, columns = 70, rows = 24): Promise<Panes> {
    const folder = await mkdtemp(join(tmpdir(), 'godwit-tmux-'));
    const panes = new Panes(join(folder, 'socket'), shell, [String(columns), String(rows)]);
    // Not `temporaryFolder`: the folder must outlive what listens in it.
    t.after(async () => {
      await panes.#tmux('kill-server');
      await rm(folder, { recursive: true });
    });
    return panes;
  }

  /** Starts `godwit` in a new window of this name. */
  start(name: string, ...args: string[]): Promise<void> {
    return this.open(name, `exec ${godwit(args)}`);
  }

  /**
   * The same, and its screen shows the exit code when it has ended. (A tmux of a busy machine may miss the SIGCHLD, and
   * then never knows the code of a command that it runs itself.) It shows too whether lines are edited by the terminal again.
   */
  startTelling(name: string, ...args: string[]): Promise<void> {
    return this.open(name, `${godwit(args)}; echo "exit code $?, $(stty -a | grep -o '[ -]icanon')"; exec cat`);
  }

  /** Runs a line of shell in a new window of this name. */
  async open(name: string, command: string): Promise<void> {
    const environment = Object.entries(this.shell.env).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
    const where = this.#begun ? ['new-window', '-d', '-t', 'chat'] : ['new-session', '-d', '-s', 'chat', '-x', this.size[0], '-y', this.size[1]];
    this.#begun = true;
    await this.#tmux(...where, '-n', name, ...environment, '-c', this.shell.folder, command);
    // The window stays when the command is gone: what it last showed can be read, whenever the test comes to it.
    await this.#tmux('set-option', '-t', `chat:${name}`, 'remain-on-exit', 'on');
  }

  type(name: string, text: string): Promise<unknown> {
    return this.#tmux('send-keys', '-t', `chat:${name}`, '-l', text);
  }

  /** Presses a key, by tmux's name of it. */
  key(name: string, key: string): Promise<unknown> {
    return this.#tmux('send-keys', '-t', `chat:${name}`, key);
  }

  enter(name: string): Promise<unknown> {
    return this.key(name, 'Enter');
  }

  /** Pastes, as a terminal does for a program that wants to know. */
  async paste(name: string, text: string): Promise<void> {
    await this.#tmux('set-buffer', text);
    await this.#tmux('paste-buffer', '-p', '-t', `chat:${name}`);
  }

  /** Waits until the terminal is as a shell needs it: no screen apart, a cursor. */
  async givenBack(name: string): Promise<void> {
    await until(`${name}'s terminal`, /^screen apart 0, cursor 1$/, async () => (await this.#tmux('display-message', '-p', '-t', `chat:${name}`, 'screen apart #{alternate_on}, cursor #{cursor_flag}')).trim());
  }

  async pid(name: string): Promise<number> {
    return Number(await this.#tmux('display-message', '-p', '-t', `chat:${name}`, '#{pane_pid}'));
  }

  close(name: string): Promise<unknown> {
    return this.#tmux('kill-window', '-t', `chat:${name}`);
  }

  resize(name: string, columns: number, rows: number): Promise<unknown> {
    return this.#tmux('resize-window', '-t', `chat:${name}`, '-x', String(columns), '-y', String(rows));
  }

  /** Waits until the screen shows it. */
  shows(name: string, expected: RegExp): Promise<string> {
    return until(`${name}'s screen`, expected, () => this.#tmux('capture-pane', '-p', '-t', `chat:${name}`));
  }

  /** The same, with the codes of colours. */
  showsInColour(name: string, expected: RegExp): Promise<string> {
    return until(`${name}'s screen`, expected, () => this.#tmux('capture-pane', '-p', '-e', '-t', `chat:${name}`));
  }

  async #tmux(...args: string[]): Promise<string> {
    const { stdout } = await run('tmux', ['-S', this.socket, '-f', '/dev/null', ...args], { env: { ...this.shell.env, TERM: 'xterm-256color', LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' } });
    return stdout;
  }
}

/** A server, a shell that finds it, and tmux. */
export async function machine(t: TestContext, columns?: number, rows?: number, env: Record<string, string> = { NO_COLOR: '1' }): Promise<{ server: ServeProcess; shell: Shell; panes: Panes }> {
  const server = await serveProcess(t);
  const shell = await Shell.open(t, { GODWIT_DATA: server.data, GODWIT_AUTH_SECRET: SECRET, LC_ALL: 'C.UTF-8', ...env });
  return { server, shell, panes: await Panes.open(t, shell, columns, rows) };
}
