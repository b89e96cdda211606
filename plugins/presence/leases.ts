import { clientId, limits, State } from 'godwit-schemas';
import type { ConnectedSession } from '../../broker/ports/plugin.js';
import type { PresenceLeases } from '../../broker/ports/presence.js';

/** How often leases are looked at: what runs out is told at most so much later, and runs out so much earlier. */
export const TICK_MS = 1_000;
/** A lease is put again when the last sign of life is so much newer: that is how old `last seen` may be after a crash. */
const RENEW_MS = 5_000;

interface Held {
  readonly session: ConnectedSession;
  state: State;
  /** As it was last put. */
  heardAtMs: number;
  untilMs: number;
  /** The connection is gone without a DISCONNECT: its lease runs out, or its will ends it. */
  ended: boolean;
}

/** The leases of this node's connections. Of a device only the latest connection has one: it is one phone, however often it connects. */
export class ConnectionLeases {
  private readonly byDevice = new Map<string, Held>();

  constructor(private readonly leases: PresenceLeases) {}

  /** A connection begins: ONLINE. The lease before it goes after the new one is there, so that a takeover shows nowhere. */
  async open(session: ConnectedSession): Promise<void> {
    const before = this.byDevice.get(deviceOf(session));
    const held: Held = { session, state: State.ONLINE, heardAtMs: 0, untilMs: 0, ended: false };
    this.byDevice.set(deviceOf(session), held);
    await this.put(held);
    if (before) await this.leases.end(session.user, before.session.connection, before.session.heardAtMs);
  }

  /** Whether the connection is up, and the latest of its device. */
  isOpen(session: ConnectedSession): boolean {
    return this.held(session)?.ended === false;
  }

  /** Whether the connection's lease counts still, be it that the connection is gone. */
  has(session: ConnectedSession): boolean {
    return this.held(session) !== undefined;
  }

  async setState(session: ConnectedSession, state: State): Promise<void> {
    const held = this.held(session);
    if (!held) return;
    held.state = state;
    await this.put(held);
  }

  /** The connection said DISCONNECT. */
  async close(session: ConnectedSession): Promise<void> {
    if (!this.held(session)) return;
    this.byDevice.delete(deviceOf(session));
    await this.leases.end(session.user, session.connection, session.heardAtMs);
  }

  /**
   * The connection is gone without a DISCONNECT. Its lease goes on, for a phone between two networks comes back, but
   * not for longer than the shortest one: the room for the pings of a long keepalive is no longer needed.
   */
  async lose(session: ConnectedSession, nowMs: number): Promise<void> {
    const held = this.held(session);
    if (!held) return;
    held.ended = true;
    if (untilOf(held) <= nowMs) await this.close(session);
    else await this.put(held);
  }

  /** Puts the leases again whose connection was heard since; forgets those of lost connections that ran out. Returns the users whom that brought back. */
  async renew(nowMs: number): Promise<string[]> {
    const back: string[] = [];
    for (const [device, held] of this.byDevice) {
      const { session, untilMs } = held;
      if (held.ended) {
        if (untilMs <= nowMs) this.byDevice.delete(device);
        continue;
      }
      const newer = session.heardAtMs - held.heardAtMs;
      if (newer < RENEW_MS && !(newer > 0 && untilMs <= nowMs + TICK_MS)) continue;
      if (untilMs <= nowMs) back.push(session.user);
      await this.put(held);
    }
    return back;
  }

  /** The user is gone. */
  forget(user: string): void {
    for (const [device, { session }] of this.byDevice) if (session.user === user) this.byDevice.delete(device);
  }

  /** Puts what was heard since, so that `last seen` is right after a restart. */
  async flush(): Promise<void> {
    for (const held of this.byDevice.values()) if (held.session.heardAtMs > held.heardAtMs) await this.put(held);
  }

  private held(session: ConnectedSession): Held | undefined {
    const held = this.byDevice.get(deviceOf(session));
    return held?.session === session ? held : undefined;
  }

  private put(held: Held): void | Promise<void> {
    const { session, state } = held;
    held.heardAtMs = session.heardAtMs;
    held.untilMs = untilOf(held);
    return this.leases.put({ user: session.user, connection: session.connection, state, heardAtMs: held.heardAtMs, untilMs: held.untilMs });
  }
}

function deviceOf({ user, device }: ConnectedSession): string {
  return clientId(user, device);
}

/** A tick early, so that it is told within the time that is promised. */
function untilOf({ session, ended }: Held): number {
  const shortest = limits.presenceLeaseMs.value;
  const leaseMs = ended ? shortest : Math.max(shortest, session.keepaliveS * 1_500);
  return session.heardAtMs + leaseMs - TICK_MS;
}
