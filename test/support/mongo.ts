import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { MongoClient, type Db } from 'mongodb';
import type { Scope } from './folder.js';
import { until } from './recorder.js';

const program = process.env.TEST_MONGOD;

/** A reason to skip where there is no server that speaks MongoDB's protocol. */
export const noMongo: string | false = program ? false : 'no MongoDB server: set TEST_MONGOD to a mongod, or to the secantusd-py of SecantusDB';

/** How long it may take to start: on a busy machine. */
const START_MS = 60_000;

/** A MongoDB server as a process of its own, on a free port and a folder that outlives its end. */
export class MongoServer {
  private child: ChildProcess | undefined;
  private output = '';

  private constructor(
    readonly port: number,
    private readonly folder: string,
  ) {}

  static async start(t: Scope): Promise<MongoServer> {
    const server = await MongoServer.prepare(t);
    await server.start();
    return server;
  }

  /** Not started yet. */
  static async prepare(t: Scope): Promise<MongoServer> {
    const server = new MongoServer(await freePort(), await mkdtemp(join(tmpdir(), 'godwit-mongo-')));
    t.after(() => server.remove());
    return server;
  }

  /** @param database undefined: the address names none */
  url(database?: string): string {
    return `mongodb://127.0.0.1:${this.port}${database === undefined ? '' : `/${database}`}`;
  }

  /** Also again after `kill`, on the same port and folder; resolves when it answers. */
  async start(): Promise<void> {
    const real = basename(program!).startsWith('mongod');
    // What is acknowledged by a majority outlives kill -9: mongod's default, and SecantusDB's where it is told so.
    const args = ['--port', String(this.port), ...(real ? ['--bind_ip', '127.0.0.1', '--dbpath', this.folder] : ['--storage-path', this.folder, '--sync-on-commit'])];
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (this.output = (this.output + String(chunk)).slice(-10_000)));
    this.child = child;
    const ended = once(child, 'close').then(([code, signal]) => Promise.reject(new Error(`the MongoDB server ended (code ${code}, signal ${signal}): ${this.output}`)));
    await Promise.race([this.ask(async (db) => db.command({ ping: 1 })), ended]);
    ended.catch(() => {});
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.signal('SIGKILL');
  }

  /** It takes connections and does not answer. Resolves when it has stopped, which takes a while on a busy machine. */
  async freeze(): Promise<void> {
    const { child } = this;
    child!.kill('SIGSTOP');
    // Where there is no /proc, it has to be quick.
    if (process.platform === 'linux') await until('it has stopped', async () => (await readFile(`/proc/${child!.pid}/stat`, 'utf8')).includes(') T '));
  }

  /** It answers again. */
  thaw(): void {
    this.child!.kill('SIGCONT');
  }

  /** As somebody else who looks into it. */
  async ask<T>(question: (db: Db) => Promise<T>, database = 'godwit'): Promise<T> {
    const client = new MongoClient(this.url(), { serverSelectionTimeoutMS: START_MS });
    try {
      return await question(client.db(database));
    } finally {
      await client.close();
    }
  }

  private async signal(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    child.kill(signal);
    await ended;
  }

  private async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
