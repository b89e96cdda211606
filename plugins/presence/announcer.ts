import { create, deliveryTopics, PresenceSchema, State, toBinary } from 'godwit-schemas';
import type { ConnectedSession, Limiter, PluginContext } from '../../broker/ports/plugin.js';
import type { Watchers } from './watchers.js';

/** What who may not see a user believes of them. */
const NOTHING_TO_SEE = toBinary(PresenceSchema, create(PresenceSchema, { state: State.OFFLINE }));
const strength = new Map([[State.OFFLINE, 0], [State.AWAY, 1], [State.ONLINE, 2]]);

export interface AnnouncerOptions {
  context: PluginContext;
  watchers: Watchers;
  /** How often a user's presence may change for others; what comes on top is told together, later. */
  limiter: Limiter;
  /** Whether the session may be sent to: its CONNACK is written, and it has not ended. */
  isOpen(session: ConnectedSession): boolean;
}

/**
 * Tells a user's presence to those who watch it: when it changes, and to newcomers as it is. One round a user at a
 * time, so that nobody is told an older state after a newer one; everyone who watches believes the same.
 */
export class Announcer {
  /** What those who watch a user believe; absent: OFFLINE. */
  private readonly told = new Map<string, State>();
  private readonly newcomers = new Map<string, Set<ConnectedSession>>();
  /** To whom it may be shown or hidden from now on. */
  private readonly reviewed = new Map<string, Set<ConnectedSession>>();
  /** Whose presence a session was told, and believes. */
  private readonly shown = new WeakMap<ConnectedSession, Set<string>>();
  private readonly rounds = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  /** Users who are to be looked at again, and when (Unix milliseconds). */
  private readonly due = new Map<string, number>();

  constructor(private readonly options: AnnouncerOptions) {}

  /** Looks at the user's leases and tells what changed. Resolves when it is told. */
  refresh(user: string): Promise<void> {
    const running = this.rounds.get(user);
    if (running) {
      this.again.add(user);
      return running;
    }
    const run = this.run(user);
    this.rounds.set(user, run);
    return run;
  }

  /** Tells the session the presence of the user as it is. */
  welcome(session: ConnectedSession, user: string): Promise<void> {
    put(this.newcomers, user, session);
    return this.refresh(user);
  }

  /** Whether the session may see the user has changed: it is told their presence, or that there is none to see. */
  review(session: ConnectedSession, user: string): Promise<void> {
    put(this.reviewed, user, session);
    return this.refresh(user);
  }

  /** Looks at the user again after a while; until then it tells no weaker state. */
  refreshLater(user: string, atMs: number): void {
    this.due.set(user, atMs);
  }

  /** Looks at those whose time has come. */
  async refreshDue(nowMs: number): Promise<void> {
    const users: string[] = [];
    for (const [user, atMs] of this.due) {
      if (atMs > nowMs) continue;
      this.due.delete(user);
      users.push(user);
    }
    await Promise.all(users.map((user) => this.refresh(user)));
  }

  private async run(user: string): Promise<void> {
    try {
      do {
        this.again.delete(user);
        await this.round(user);
      } while (this.again.has(user));
    } finally {
      // In the same turn as the look at `again`: who comes after it finds no round, and begins one.
      this.rounds.delete(user);
    }
  }

  private async round(user: string): Promise<void> {
    const { context, watchers } = this.options;
    const { state, lastSeenMs } = await context.storage.presence.get(user, context.now());
    const changed = this.changes(user, state);
    const newcomers = this.newcomers.get(user) ?? new Set();
    this.newcomers.delete(user);
    const reviewed = this.reviewed.get(user) ?? new Set();
    this.reviewed.delete(user);
    const audience = changed ? watchers.of(user) : new Set([...newcomers, ...reviewed]);
    if (audience.size === 0) return;
    const presence = create(PresenceSchema, { state: this.toldOf(user), lastSeenMs: BigInt(lastSeenMs) });
    const payload = toBinary(PresenceSchema, presence);
    for (const session of [...audience]) {
      const may = await this.mayTell(session, user);
      if (!this.options.isOpen(session)) continue;
      const shown = this.shown.get(session)?.has(user) ?? false;
      const isNew = newcomers.has(session);
      // RETAIN is for those who have just subscribed (MQTT-3.3.1-8), not for those who had (MQTT-3.3.1-9).
      if (may && (changed || isNew || !shown)) session.send(deliveryTopics.presence(user), payload, isNew);
      else if (!may && shown) session.send(deliveryTopics.presence(user), NOTHING_TO_SEE);
      this.remember(session, user, may);
    }
  }

  private remember(session: ConnectedSession, user: string, isShown: boolean): void {
    const users = this.shown.get(session);
    if (!isShown) users?.delete(user);
    else if (users) users.add(user);
    else this.shown.set(session, new Set([user]));
  }

  /** Whether others are to be told now; if so, they believe it from here on. */
  private changes(user: string, state: State): boolean {
    const before = this.toldOf(user);
    if (state === before) return false;
    const nowMs = this.options.context.now();
    const weaker = strength.get(state)! < strength.get(before)!;
    if (weaker && (this.due.get(user) ?? 0) > nowMs) return false;
    const waitMs = this.options.limiter.take(user);
    if (waitMs > 0) {
      this.refreshLater(user, nowMs + waitMs);
      return false;
    }
    if (state === State.OFFLINE) this.told.delete(user);
    else this.told.set(user, state);
    return true;
  }

  private toldOf(user: string): State {
    return this.told.get(user) ?? State.OFFLINE;
  }

  private async mayTell(session: ConnectedSession, user: string): Promise<boolean> {
    return session.user === user || (await this.options.context.mayReach(session.user, user, 'presence')) === undefined;
  }
}

function put(map: Map<string, Set<ConnectedSession>>, user: string, session: ConnectedSession): void {
  const sessions = map.get(user);
  if (sessions) sessions.add(session);
  else map.set(user, new Set([session]));
}
