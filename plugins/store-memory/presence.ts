import { State } from 'godwit-schemas';
import type { Lease, PresenceLeases, UserPresence } from '../../broker/ports/presence.js';

export class MemoryPresence implements PresenceLeases {
  /** User → connection → lease. */
  private readonly leases = new Map<string, Map<string, Lease>>();
  private readonly lastSeen = new Map<string, number>();

  put(lease: Lease): void {
    let leases = this.leases.get(lease.user);
    if (!leases) this.leases.set(lease.user, (leases = new Map()));
    leases.set(lease.connection, { ...lease });
    this.seen(lease.user, lease.heardAtMs);
  }

  end(user: string, connection: string, heardAtMs: number): void {
    const leases = this.leases.get(user);
    leases?.delete(connection);
    if (leases?.size === 0) this.leases.delete(user);
    this.seen(user, heardAtMs);
  }

  get(user: string, nowMs: number): UserPresence {
    let state = State.OFFLINE;
    for (const lease of this.leases.get(user)?.values() ?? []) {
      if (lease.untilMs <= nowMs || lease.state === State.OFFLINE) continue;
      if (lease.state === State.ONLINE || state === State.OFFLINE) state = lease.state;
    }
    return { state, lastSeenMs: this.lastSeen.get(user) ?? 0 };
  }

  forget(user: string): void {
    this.leases.delete(user);
    this.lastSeen.delete(user);
  }

  lapsed(nowMs: number): readonly string[] {
    const users = new Set<string>();
    for (const [user, leases] of this.leases) {
      for (const [connection, lease] of leases) {
        if (lease.untilMs > nowMs) continue;
        leases.delete(connection);
        users.add(user);
      }
      if (leases.size === 0) this.leases.delete(user);
    }
    return [...users];
  }

  private seen(user: string, atMs: number): void {
    if (atMs > (this.lastSeen.get(user) ?? 0)) this.lastSeen.set(user, atMs);
  }
}
