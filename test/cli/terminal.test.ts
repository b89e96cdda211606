import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { SECRET } from '../support/godwit.js';
import { serveProcess } from '../support/process.js';
import { DEADLINE_MS } from '../support/recorder.js';
import { main, Shell } from './command.js';

const run = promisify(execFile);
const missing = spawnSync('tmux', ['-V']).error ? 'no tmux on this machine (apt-get install tmux)' : false;

/** As a line of shell. */
const godwit = (args: readonly string[]): string => [process.execPath, main, ...args].map((word) => `'${word}'`).join(' ');

/** The processes that a process has started (Linux). */
const childrenOf = (pid: number): number[] => readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);

/** tmux tells of nothing by itself: it is asked again and again. */
async function until(what: string, expected: RegExp, look: () => Promise<string>): Promise<string> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const seen = await look();
    if (expected.test(seen)) return seen;
    assert.ok(Date.now() < deadline, `${what}: expected ${String(expected)}, got:\n${seen}`);
    await pause(30);
  }
}

/** Two people, each at a terminal of their own, in tmux. */
class Panes {
  #begun = false;

  private constructor(private readonly socket: string, private readonly shell: Shell) {}

  static async open(t: TestContext, shell: Shell): Promise<Panes> {
    const folder = await mkdtemp(join(tmpdir(), 'godwit-tmux-'));
    const panes = new Panes(join(folder, 'socket'), shell);
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
   * then never knows the code of a command that it runs itself.)
   */
  startTelling(name: string, ...args: string[]): Promise<void> {
    return this.open(name, `${godwit(args)}; echo "exit code $?"; exec cat`);
  }

  /** Runs a line of shell in a new window of this name. */
  async open(name: string, command: string): Promise<void> {
    const environment = Object.entries(this.shell.env).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
    const where = this.#begun ? ['new-window', '-d', '-t', 'chat'] : ['new-session', '-d', '-s', 'chat', '-x', '70', '-y', '24'];
    this.#begun = true;
    await this.#tmux(...where, '-n', name, ...environment, '-c', this.shell.folder, command);
    // The window stays when the command is gone: what it last showed can be read, whenever the test comes to it.
    await this.#tmux('set-option', '-t', `chat:${name}`, 'remain-on-exit', 'on');
  }

  type(name: string, text: string): Promise<unknown> {
    return this.#tmux('send-keys', '-t', `chat:${name}`, '-l', text);
  }

  enter(name: string): Promise<unknown> {
    return this.#tmux('send-keys', '-t', `chat:${name}`, 'Enter');
  }

  async pid(name: string): Promise<number> {
    return Number(await this.#tmux('display-message', '-p', '-t', `chat:${name}`, '#{pane_pid}'));
  }

  close(name: string): Promise<unknown> {
    return this.#tmux('kill-window', '-t', `chat:${name}`);
  }

  resize(columns: number, rows: number): Promise<unknown> {
    return this.#tmux('resize-window', '-t', 'chat:alice', '-x', String(columns), '-y', String(rows));
  }

  /** Waits until the screen shows it. */
  shows(name: string, expected: RegExp): Promise<string> {
    return until(`${name}'s screen`, expected, () => this.#tmux('capture-pane', '-p', '-t', `chat:${name}`));
  }

  async #tmux(...args: string[]): Promise<string> {
    const { stdout } = await run('tmux', ['-S', this.socket, '-f', '/dev/null', ...args], { env: { ...this.shell.env, TERM: 'xterm-256color', LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' } });
    return stdout;
  }
}

test('two terminals: typing, ticks, and ten messages through the death of bob and of the server', { skip: missing }, async (t) => {
  const server = await serveProcess(t);
  const shell = await Shell.open(t, { GODWIT_DATA: server.data, GODWIT_AUTH_SECRET: SECRET, NO_COLOR: '1', LC_ALL: 'C.UTF-8' });
  await shell.ok('user', 'add', 'alice', 'bob');
  const panes = await Panes.open(t, shell);
  await panes.startTelling('alice', 'chat', 'alice', 'bob');
  await panes.shows('alice', /connected/);
  await panes.start('bob', 'chat', 'bob', 'alice');
  await panes.shows('bob', /alice is online/);

  await panes.type('alice', 'hello bob');
  await panes.shows('bob', /alice is typing…/);
  await panes.enter('alice');
  await panes.shows('bob', /^\d\d:\d\d {4}alice  hello bob$/m);
  // Read, and without colours: bold ticks.
  await panes.shows('alice', /^\d\d:\d\d ✔✔ alice  hello bob$/m);

  process.kill(await panes.pid('bob'), 'SIGKILL');
  await panes.shows('alice', /bob was last seen/);
  for (let i = 1; i <= 10; i++) {
    await panes.type('alice', `message ${i}`);
    await panes.enter('alice');
  }
  await panes.shows('alice', /✓ {2}alice {2}message 10$/m);
  await server.kill();
  await panes.shows('alice', /offline/);
  await panes.type('alice', 'said while the server was dead');
  await panes.enter('alice');
  await panes.shows('alice', /· {2}alice {2}said while .*\n.*1 message waits here/);

  const again = await serveProcess(t, { GODWIT_MQTT_PORT: String(server.mqttPort), GODWIT_HTTP_PORT: String(server.httpPort) }, server.data);
  await panes.shows('alice', /✓ {2}alice {2}said while/);
  await panes.close('bob');
  await panes.start('bob', 'chat', 'bob', 'alice');
  const screen = await panes.shows('bob', /said while the server was dead/);
  const got = [...screen.matchAll(/alice {2}(.*)$/gm)].map(([, text]) => text.trim());
  assert.deepEqual(got, ['hello bob', ...Array.from({ length: 10 }, (_, i) => `message ${i + 1}`), 'said while the server was dead']);
  const ticks = await panes.shows('alice', /✔✔ alice {2}said while/);
  assert.equal([...ticks.matchAll(/✔✔ alice/g)].length, 12);

  await panes.resize(40, 16);
  await panes.shows('alice', /✔✔ alice {2}said while the server\n +was dead\n── bob is online ─+ connected ──\n>/);
  await panes.type('alice', '/quit');
  await panes.enter('alice');
  await panes.shows('alice', /^exit code 0$/m);
  await again.signal('SIGTERM');
});

const notLinux = process.platform === 'linux' ? false : 'processes are looked at in /proc';
test('what killed processes leave behind does not go on talking', { skip: missing || notLinux }, async (t) => {
  const server = await serveProcess(t);
  const shell = await Shell.open(t, { GODWIT_DATA: server.data, GODWIT_AUTH_SECRET: SECRET, NO_COLOR: '1', LC_ALL: 'C.UTF-8' });
  const panes = await Panes.open(t, shell);
  // As with npx: between the shell and the chat there are processes that only wait.
  await panes.open('alice', 'exec sh -i');
  await panes.type('alice', `sh -c "${godwit(['chat', 'alice', 'bob'])}; true"`);
  await panes.enter('alice');
  await panes.shows('alice', /bob.*connected/);
  const [between] = childrenOf(await panes.pid('alice'));
  const [chat] = childrenOf(between);
  process.kill(between, 'SIGKILL');
  await until('the end of the chat', /gone/, async () => (existsSync(`/proc/${chat}`) ? 'there' : 'gone'));
});
