import { limits } from 'godwit-schemas';
import type { Hub } from '../ports/plugin.js';
import type { Pump } from './pump.js';
import { RawMemory } from './raw.js';
import type { Session } from './session.js';

/** Who is connected here, and what is remembered of devices that were a moment ago. */
export class Sessions implements Hub {
  private readonly byUser = new Map<string, Session[]>();
  private readonly byClientId = new Map<string, Session>();
  /** Pumps of disconnected devices that have something in flight; oldest first. */
  private readonly detached = new Map<string, Pump>();
  private readonly raw = new Map<string, RawMemory>();

  add(session: Session): void {
    const others = this.byUser.get(session.user);
    if (others) others.push(session);
    else this.byUser.set(session.user, [session]);
    this.byClientId.set(session.pump.clientId, session);
  }

  remove(session: Session): void {
    const sessions = this.byUser.get(session.user);
    const rest = sessions?.filter((other) => other !== session) ?? [];
    if (rest.length > 0) this.byUser.set(session.user, rest);
    else this.byUser.delete(session.user);
    if (this.byClientId.get(session.pump.clientId) === session) this.byClientId.delete(session.pump.clientId);
  }

  of(user: string): readonly Session[] {
    return this.byUser.get(user) ?? [];
  }

  all(): Iterable<Session> {
    return this.byClientId.values();
  }

  byId(clientId: string): Session | undefined {
    return this.byClientId.get(clientId);
  }

  get size(): number {
    return this.byClientId.size;
  }

  /** Remembers what a device has in flight until it comes back; the oldest are forgotten at the limit. */
  detach(pump: Pump): void {
    this.detached.delete(pump.clientId);
    this.detached.set(pump.clientId, pump);
    forgetOldest(this.detached);
  }

  /** The pump that the device left behind. */
  takeDetached(clientId: string): Pump | undefined {
    const pump = this.detached.get(clientId);
    this.detached.delete(clientId);
    return pump;
  }

  rawMemory(clientId: string): RawMemory {
    const memory = this.raw.get(clientId) ?? new RawMemory();
    this.raw.delete(clientId);
    this.raw.set(clientId, memory);
    forgetOldest(this.raw);
    return memory;
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  if (map.size <= limits.detachedSessions.value) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}

