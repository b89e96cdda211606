import { State } from 'godwit-schemas';

/** How a tab is in background: connected, with few pings, or not connected. */
export type Rest = 'connected' | 'closed';

/** What the tabs want of what the device has only one of: its presence, its place in front, and whom it watches. */
export class Tallies {
  #states = new Map<string, State>();
  #rests = new Map<string, Rest>();
  #watchers = new Map<string, Set<string>>();

  setPresence(tab: string, state: State): void {
    this.#states.set(tab, state);
  }

  /** ONLINE while one tab is; what a tab says at first. */
  presence(tabs: Iterable<string>): State {
    let widest: State = State.OFFLINE;
    for (const tab of tabs) {
      const state = this.#states.get(tab) ?? State.ONLINE;
      if (state === State.ONLINE) return state;
      if (state === State.AWAY) widest = state;
    }
    return widest;
  }

  /** @param rest undefined: in front. */
  setRest(tab: string, rest: Rest | undefined): void {
    if (rest) this.#rests.set(tab, rest);
    else this.#rests.delete(tab);
  }

  /** It has asked for the connection. */
  connects(tab: string): void {
    if (this.#rests.has(tab)) this.#rests.set(tab, 'connected');
  }

  /** In background while all tabs are, and closed when all of them would be; undefined: in front. */
  rest(tabs: Iterable<string>): Rest | undefined {
    let rest: Rest = 'closed';
    for (const tab of tabs) {
      const one = this.#rests.get(tab);
      if (!one) return undefined;
      if (one === 'connected') rest = one;
    }
    return rest;
  }

  watch(tab: string, user: string): void {
    const watchers = this.#watchers.get(user);
    if (watchers) watchers.add(tab);
    else this.#watchers.set(user, new Set([tab]));
  }

  /** True when no tab watches the user any more. */
  unwatch(tab: string, user: string): boolean {
    const watchers = this.#watchers.get(user);
    if (!watchers?.delete(tab) || watchers.size > 0) return false;
    return this.#watchers.delete(user);
  }

  /** Whom nobody watches now that this tab is gone. */
  gone(tab: string): string[] {
    this.#states.delete(tab);
    this.#rests.delete(tab);
    return [...this.#watchers.keys()].filter((user) => this.unwatch(tab, user));
  }
}
