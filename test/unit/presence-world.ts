import { create, fromBinary, limits, PresenceSchema, State, toBinary } from 'godwit-schemas';
import type { Plugin, Refusal } from '../../broker/ports/plugin.js';
import { presencePlugin } from '../../plugins/presence/index.js';
import { Clock, fakeContext, FakeSession, type FakeContext } from './fake-context.js';

export const LEASE_MS = limits.presenceLeaseMs.value;

/** A plugin on a clock, with what the engine does to it. */
export class World {
  readonly clock = new Clock(Date.UTC(2026, 10, 22));
  readonly context: FakeContext = fakeContext(this.clock);
  plugin!: Plugin;
  private tick!: () => Promise<void>;
  private tickMs = 0;
  ticksStopped = false;

  constructor() {
    this.start();
  }

  /** Also a second time, as another run of the server on the same store. */
  start(): void {
    this.context.sessions.clear();
    this.plugin = presencePlugin({
      every: (ms, run) => {
        this.tickMs = ms;
        this.tick = run;
        return () => (this.ticksStopped = true);
      },
    });
    void this.plugin.start?.(this.context);
  }

  async connect(name: string, { keepaliveS = 0, watching = [] as string[] } = {}): Promise<FakeSession> {
    const [user, device] = name.split(':');
    const session = new FakeSession(user, device, this.clock.nowMs, keepaliveS);
    await this.plugin.connected?.(session);
    await this.subscribe(session, ...watching);
    return session;
  }

  async subscribe(session: FakeSession, ...users: string[]): Promise<void> {
    const filters = users.map((user) => `presence/${user}`);
    for (const filter of filters) session.filters.add(filter);
    if (filters.length > 0) await this.plugin.subscribed?.(session, filters);
  }

  async disconnect(session: FakeSession, how: { clean: boolean; will?: State }): Promise<void> {
    await this.plugin.disconnected?.(session, how.clean);
    if (how.will !== undefined) await this.publish(session, how.will);
  }

  async publish(session: FakeSession, state: State): Promise<Refusal | undefined> {
    return this.plugin.control!.presence!(session, { kind: 'presence', user: session.user }, toBinary(PresenceSchema, create(PresenceSchema, { state })));
  }

  /** Moves the clock as the engine's timer would see it; `heard` have a sign of life at its end. */
  async wait(ms: number, ...heard: FakeSession[]): Promise<void> {
    const end = this.clock.nowMs + ms;
    while (this.clock.nowMs < end) {
      this.clock.nowMs = Math.min(end, this.clock.nowMs + this.tickMs);
      if (this.clock.nowMs === end) for (const session of heard) session.heardAtMs = end;
      await this.tick();
    }
  }
}

/** What the session was told since the last call: `bob ONLINE`. */
export function told(session: FakeSession): string[] {
  return session.sent.splice(0).map(({ topic, payload }) => `${topic.replace('presence/', '')} ${State[fromBinary(PresenceSchema, payload).state]}`);
}

export function lastSeen(session: FakeSession): number {
  return Number(fromBinary(PresenceSchema, session.sent.at(-1)!.payload).lastSeenMs);
}
