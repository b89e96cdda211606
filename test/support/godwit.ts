import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Storage } from '../../broker/ports/storage.js';
import { createGodwit, type Godwit, type GodwitOptions } from '../../broker/server.js';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';
import type { Address } from './address.js';
import { Clock } from './clock.js';
import { temporaryFolder, type Scope } from './folder.js';
import { Recorder } from './recorder.js';

export const SECRET = 'a secret of the tests, thirty-two bytes long';

export interface TestServerOptions extends Pick<GodwitOptions, 'plugins'> {
  env?: Record<string, string>;
  /** The data folder; default: a new one. */
  data?: string;
  /** The test means to see errors in the log. */
  errorsExpected?: boolean;
  /** What the server is given in place of the embedded store. */
  wrapStorage?: (storage: Storage) => Storage;
  /** Commits are meant to fail. */
  failuresExpected?: boolean;
}

export type LogLine = Record<string, unknown> & { level: number; msg: string };

const ERROR = 50;

/** Without the limits that a test would meet by its speed alone. */
const UNLIMITED = { GODWIT_MESSAGES_PER_MINUTE: '0', GODWIT_CONNECTS_PER_MINUTE: '0', GODWIT_MIN_FREE_BYTES: '0' };

/** A server within the test's process: real sockets, a real folder, a clock in the test's hand. */
export class TestServer implements Address {
  readonly secret = SECRET;
  readonly clock = new Clock();
  readonly now = this.clock.now;
  readonly logged = new Recorder<LogLine>('the log', (line) => JSON.stringify(line));
  running: Godwit | undefined;
  /** Commits that failed. */
  readonly failures: unknown[] = [];

  private constructor(
    readonly data: string,
    private readonly options: TestServerOptions,
  ) {}

  static async start(t: Scope, options: TestServerOptions = {}): Promise<TestServer> {
    const server = new TestServer(options.data ?? join(await temporaryFolder(t), 'data'), options);
    t.after(() => server.finish());
    await server.start();
    return server;
  }

  get godwit(): Godwit {
    assert.ok(this.running, 'the server is running');
    return this.running;
  }
  get mqttPort(): number {
    return this.godwit.mqttPort;
  }
  get httpPort(): number {
    return this.godwit.httpPort;
  }

  /** Also again after `stop`, on the same folder. */
  async start(env: Record<string, string> = {}): Promise<void> {
    const { plugins, wrapStorage } = this.options;
    const storage = wrapStorage?.(await openEmbeddedStorage({ folder: this.data, now: this.now }));
    this.running = await createGodwit({
      env: { ...UNLIMITED, GODWIT_MQTT_PORT: '0', GODWIT_HTTP_PORT: '0', GODWIT_DATA: this.data, GODWIT_AUTH_SECRET: SECRET, ...this.options.env, ...env },
      ...(plugins && { plugins }),
      ...(storage && { storage }),
      now: this.clock.now,
      log: this.log(),
      failed: (error) => this.failures.push(error),
    });
  }

  async stop(): Promise<void> {
    await this.running?.stop();
    this.running = undefined;
  }

  async restart(env: Record<string, string> = {}): Promise<void> {
    await this.stop();
    await this.start(env);
  }

  private async finish(): Promise<void> {
    await this.stop();
    if (!this.options.failuresExpected) assert.deepEqual(this.failures, [], 'no commit failed');
    if (!this.options.errorsExpected) assert.deepEqual(this.logged.all.filter((line) => line.level >= ERROR), [], 'no errors are logged');
  }

  private log(): NonNullable<GodwitOptions['log']> {
    const lines = new Writable({
      write: (chunk, _encoding, done) => {
        this.logged.add(JSON.parse(String(chunk)) as LogLine);
        done();
      },
    });
    return pino({ level: 'debug' }, lines);
  }
}

/** A server on free ports in a temporary folder; it ends with the test. */
export function startGodwit(t: Scope, options?: TestServerOptions): Promise<TestServer> {
  return TestServer.start(t, options);
}
