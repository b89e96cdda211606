import { State } from 'godwit-schemas';
import type { Lease, PresenceLeases, UserPresence } from '../../broker/ports/presence.js';
import { writeRow } from './records.js';
import type { Store } from './store.js';
import { rowName } from './table.js';
import type { Codec, Table } from './table.js';

const LAST_SEEN = 'at';

/** Leases live in memory: they are of this process's connections. Last seen is a row (user, `at`), written lazily. */
export class EmbeddedPresence implements PresenceLeases {
  /** User → connection → lease. */
  private readonly leases = new Map<string, Map<string, Lease>>();
  private readonly lastSeen: Table<number>;
  /** Heard since the last write of `lastSeen`. */
  private heard = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly store: Store) {
    this.lastSeen = store.table('lastSeen', codec);
  }

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
    return { state, lastSeenMs: Math.max(this.heard.get(user) ?? 0, this.lastSeen.get(user, LAST_SEEN) ?? 0) };
  }

  async forget(user: string): Promise<void> {
    this.leases.delete(user);
    this.heard.delete(user);
    this.lastSeen.put(user, LAST_SEEN, undefined);
    writeRow(this.store.room, this.lastSeen.id, rowName(user, LAST_SEEN), undefined);
    this.store.fill.soon();
    await this.store.commit();
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

  /** Hands what was heard to the table; it is durable with the next fill. */
  write(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = undefined;
    for (const [user, atMs] of this.heard) {
      if (atMs > (this.lastSeen.get(user, LAST_SEEN) ?? 0)) this.lastSeen.put(user, LAST_SEEN, atMs);
    }
    this.heard = new Map();
    this.store.fill.soon();
  }

  private seen(user: string, atMs: number): void {
    if (atMs > (this.heard.get(user) ?? 0)) this.heard.set(user, atMs);
    this.timer ??= setTimeout(() => this.write(), this.store.limits.lastSeenMs).unref();
  }
}

const codec: Codec<number> = {
  encode: (atMs) => {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeDoubleLE(atMs);
    return bytes;
  },
  decode: (bytes) => bytes.readDoubleLE(0),
};
