import { parseDeliveryTopic } from 'godwit-schemas';
import type { ConnectedSession } from '../../broker/ports/plugin.js';

/** Who watches whose presence: sessions by the user in their filters `presence/<user>`. */
export class Watchers {
  private readonly sessions = new Map<string, Set<ConnectedSession>>();
  private readonly users = new Map<ConnectedSession, Set<string>>();

  /** Users that the session watches from now on, those of the filters it had already included. */
  add(session: ConnectedSession, filters: readonly string[]): string[] {
    const watched = filters.flatMap(watchedUser);
    for (const user of watched) {
      put(this.sessions, user, session);
      put(this.users, session, user);
    }
    return watched;
  }

  remove(session: ConnectedSession, filters: readonly string[]): void {
    for (const user of filters.flatMap(watchedUser)) {
      take(this.sessions, user, session);
      take(this.users, session, user);
    }
  }

  removeAll(session: ConnectedSession): void {
    for (const user of this.users.get(session) ?? []) take(this.sessions, user, session);
    this.users.delete(session);
  }

  of(user: string): ReadonlySet<ConnectedSession> {
    return this.sessions.get(user) ?? nobody;
  }

  watchedBy(session: ConnectedSession): Iterable<string> {
    return this.users.get(session) ?? [];
  }
}

const nobody: ReadonlySet<ConnectedSession> = new Set();

/** Only literal filters are granted: as a topic, such a filter says whose presence it is. */
function watchedUser(filter: string): string[] {
  const topic = parseDeliveryTopic(filter);
  return topic?.kind === 'presence' ? [topic.user] : [];
}

function put<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key);
  if (set) set.add(value);
  else map.set(key, new Set([value]));
}

function take<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key);
  if (set?.delete(value) && set.size === 0) map.delete(key);
}
