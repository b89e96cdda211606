import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Writable, type Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { Code } from 'godwit-schemas';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { RateLimiter } from '../../broker/limits/rate-limiter.js';
import { openListeners, type ListenerOptions, type Listeners, type Peer } from '../../broker/listeners/index.js';
import { MethodTable } from '../../broker/methods/table.js';
import type { Identity, Plugin, Refusal } from '../../broker/ports/plugin.js';

export interface Accepted {
  stream: Duplex;
  peer: Peer;
}

export interface Doors {
  listeners: Listeners;
  /** The next accepted connection, in order. */
  next(): Promise<Accepted>;
  /** How many were accepted that nobody took with `next`. */
  readonly untaken: number;
  /** Log lines, parsed. */
  logged: Record<string, unknown>[];
  ready: { ok: boolean; reason?: string };
  metrics: Registry;
}

export interface DoorOptions extends Partial<Omit<ListenerOptions, 'http' | 'accept' | 'log'>> {
  plugins?: Plugin[];
  failedLoginsPerMinute?: number;
  callsPerMinute?: number;
  /** Looks at a connection before anybody else, in the call of `accept`. */
  onAccept?: (accepted: Accepted) => void;
}

/** Tokens are `user` or `admin:user`; anything else is refused. */
export function identify(token: string): Identity | Refusal {
  const [, admin, user] = /^(admin:)?([a-z]+)$/.exec(token) ?? [];
  if (user === undefined) return { code: Code.UNAUTHENTICATED, text: 'the token is not valid' };
  return { user, device: undefined, admin: admin !== undefined, expiresAtMs: 0 };
}

/** Listeners on free ports, with everything behind them faked; closed when the test ends. */
export async function openDoors(t: TestContext, options: DoorOptions = {}): Promise<Doors> {
  const { plugins = [], failedLoginsPerMinute = 0, callsPerMinute = 0, onAccept, ...rest } = options;
  const accepted: Accepted[] = [];
  const waiting: ((accepted: Accepted) => void)[] = [];
  const logged: Record<string, unknown>[] = [];
  const lines = new Writable({
    write(chunk, _encoding, done) {
      logged.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const log = pino({ level: 'debug' }, lines);
  const limiter = (perMinute: number): RateLimiter => new RateLimiter({ perMinute, maxKeys: 1000, now: Date.now });
  const ready: Doors['ready'] = { ok: true };
  const metrics = new Registry();
  const listeners = await openListeners({
    host: '127.0.0.1',
    mqttPort: 0,
    httpPort: 0,
    tls: undefined,
    trustedProxies: [],
    corsOrigins: [],
    ...rest,
    log,
    accept(stream, peer) {
      stream.on('error', () => stream.destroy());
      t.after(() => stream.destroy());
      onAccept?.({ stream, peer });
      const take = waiting.shift();
      if (take) take({ stream, peer });
      else accepted.push({ stream, peer });
    },
    http: {
      methods: new MethodTable(plugins, { calls: limiter(callsPerMinute), log, now: Date.now }),
      authenticate: identify,
      failedLogins: limiter(failedLoginsPerMinute),
      metrics,
      ready: () => ready,
    },
  });
  t.after(() => listeners.close());
  return {
    listeners,
    logged,
    ready,
    metrics,
    get untaken() {
      return accepted.length;
    },
    next: () => {
      const first = accepted.shift();
      return first ? Promise.resolve(first) : new Promise((resolve) => waiting.push(resolve));
    },
  };
}

/** A connected socket whose end the test does not care about. */
export async function dial(t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Reads until so many bytes are there. */
export async function readBytes(stream: Duplex, length: number): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  while (bytes.length < length) {
    const chunk = stream.read() as Buffer | null;
    if (chunk) bytes = Buffer.concat([bytes, chunk]);
    else await once(stream, 'readable');
  }
  return bytes;
}

/** Resolves when the other side has closed the connection. */
export async function closed(socket: Socket): Promise<void> {
  socket.resume();
  if (!socket.closed) await once(socket, 'close');
}
