import { RateLimiter } from '../../broker/limits/rate-limiter.js';
import type { ConnectedSession, Identity, PluginContext, Reach, Refusal } from '../../broker/ports/plugin.js';
import { openMemoryStorage } from '../../plugins/store-memory/index.js';

/** A clock that stands still until a test moves it. */
export class Clock {
  constructor(public nowMs: number) {}
  readonly now = (): number => this.nowMs;
}

export interface Sent {
  topic: string;
  payload: Uint8Array;
  retain: boolean;
}

/** A session whose filters are literal, and which keeps what it is sent. */
export class FakeSession implements ConnectedSession {
  private static count = 0;
  readonly connection = `c${++FakeSession.count}`;
  readonly address = '192.0.2.1';
  readonly identity: Identity;
  readonly live = false;
  readonly filters = new Set<string>();
  readonly sent: Sent[] = [];
  renewed: Identity | undefined;

  constructor(
    readonly user: string,
    readonly device: string,
    public heardAtMs: number,
    readonly keepaliveS = 0,
  ) {
    this.identity = { user, device: undefined, admin: false, expiresAtMs: 0 };
  }

  takes(topic: string): 0 | 1 | undefined {
    return this.filters.has(topic) ? 1 : undefined;
  }
  send(topic: string, payload: Uint8Array, retain = false): void {
    if (this.takes(topic) !== undefined) this.sent.push({ topic, payload, retain });
  }
  sendTracked(topic: string, payload: Uint8Array, acknowledged: () => void): boolean {
    this.send(topic, payload);
    acknowledged();
    return true;
  }
  renew(identity: Identity): void {
    this.renewed = identity;
  }
  end(): void {
    throw new Error('no plugin under test ends a session');
  }
}

export interface FakeContext extends PluginContext {
  readonly sessions: Set<ConnectedSession>;
  /** What `mayReach` answers. */
  objection: (from: string, to: string, what: Reach) => Refusal | undefined;
  identify: (token: string) => Identity | Refusal;
  readonly errors: unknown[];
}

/** What plugins under test ask of their host, on the memory store and a clock that the test moves. */
export function fakeContext(clock: Clock): FakeContext {
  const sessions = new Set<ConnectedSession>();
  const errors: unknown[] = [];
  const unused = (name: string) => (): never => {
    throw new Error(`no plugin under test calls ${name}`);
  };
  const context = {
    storage: openMemoryStorage({ now: clock.now }),
    hub: { of: (user: string) => [...sessions].filter((session) => session.user === user), all: () => sessions },
    log: { error: (problem: unknown) => errors.push(problem), warn: (problem: unknown) => errors.push(problem) },
    now: clock.now,
    publish: unused('publish'),
    mayReach: async (from: string, to: string, what: Reach) => context.objection(from, to, what),
    authenticate: (token: string) => context.identify(token),
    limiter: (rate: { perMinute: number; burst?: number }) => new RateLimiter({ ...rate, maxKeys: 1000, now: clock.now }),
    readMoved: () => undefined,
    forgetRoutes: unused('forgetRoutes'),
    wake: unused('wake'),
    sessions,
    errors,
    objection: (() => undefined) as FakeContext['objection'],
    identify: unused('identify') as FakeContext['identify'],
  };
  return context as unknown as FakeContext;
}
