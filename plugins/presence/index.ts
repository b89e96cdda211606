import { Code, fromBinary, limits, PresenceSchema, State, type ControlTopic } from 'godwit-schemas';
import type { ConnectedSession, Plugin, PluginContext, Refusal } from '../../broker/ports/plugin.js';
import { Announcer } from './announcer.js';
import { ConnectionLeases, TICK_MS } from './leases.js';
import { Watchers } from './watchers.js';

/** A will, or the end of a lost connection, is told after this: if it is a takeover, the same device is there again by then. */
const SETTLE_MS = 500;

const NOT_OWN: Refusal = { code: Code.NOT_ALLOWED, text: 'presence is published by the user whose it is' };
const NOT_PRESENCE: Refusal = { code: Code.MALFORMED, text: 'this is not a Presence' };

export interface PresenceOptions {
  /** Runs something again and again until the function that it returns is called. Default: setInterval. */
  every?: (ms: number, run: () => Promise<void>) => () => void;
}

/**
 * Presence: a lease for every connection, renewed by whatever arrives on it; what follows from all leases of a user is
 * told to those who subscribe to `presence/<user>` when it changes, and as it is to those who come. What a device
 * publishes to its presence, and its will, changes its own lease and nothing else.
 */
export function presencePlugin({ every = everyInterval }: PresenceOptions = {}): Plugin {
  const watchers = new Watchers();
  let context: PluginContext;
  let leases: ConnectionLeases;
  let announcer: Announcer;
  let stopTicking: (() => void) | undefined;
  let ticking = false;

  async function presence(session: ConnectedSession, topic: Extract<ControlTopic, { kind: 'presence' }>, payload: Uint8Array): Promise<Refusal | undefined> {
    if (topic.user !== session.user) return NOT_OWN;
    const state = readState(payload);
    if (state === undefined) return NOT_PRESENCE;
    await leases.setState(session, state);
    if (leases.isOpen(session)) await announcer.refresh(session.user);
    else if (leases.has(session)) announcer.refreshLater(session.user, context.now() + SETTLE_MS);
    return undefined;
  }

  async function tick(): Promise<void> {
    if (ticking) return; // a store that is slow is not asked twice
    ticking = true;
    try {
      const nowMs = context.now();
      const changed = new Set(await leases.renew(nowMs));
      for (const user of await context.storage.presence.lapsed(nowMs)) changed.add(user);
      await Promise.all([...changed].map((user) => announcer.refresh(user)));
      await announcer.refreshDue(nowMs);
    } catch (err) {
      context.log.error({ err }, 'presence could not be looked at');
    } finally {
      ticking = false;
    }
  }

  return {
    name: 'presence',

    start(given) {
      context = given;
      leases = new ConnectionLeases(context.storage.presence);
      const limiter = context.limiter({ perMinute: limits.presenceChangesPerMinute.value });
      announcer = new Announcer({ context, watchers, limiter, isOpen: (session) => leases.isOpen(session) });
      stopTicking = every(TICK_MS, tick);
    },

    async stop() {
      if (!stopTicking) return; // never started
      stopTicking();
      await leases.flush();
    },

    control: { presence },

    async connected(session) {
      // A restored session's filters, where they were restored before: nobody else sends it what is retained.
      const restored = [...watchers.watchedBy(session)];
      await leases.open(session);
      await announcer.refresh(session.user);
      await welcome(session, restored);
    },

    async subscribed(session, added) {
      const watched = watchers.add(session, added);
      if (leases.isOpen(session)) await welcome(session, watched);
    },

    unsubscribed: (session, removed) => watchers.remove(session, removed),

    async userRemoved(user) {
      leases.forget(user);
      await context.storage.presence.forget(user);
      await announcer.refresh(user);
    },

    async reachChanged(user, other) {
      const concerned: [ConnectedSession, string][] = [];
      for (const session of watchers.of(user)) if (other === undefined || session.user === other) concerned.push([session, user]);
      for (const session of context.hub.of(user)) {
        for (const watched of watchers.watchedBy(session)) if (other === undefined || watched === other) concerned.push([session, watched]);
      }
      await Promise.all(concerned.map(([session, watched]) => announcer.review(session, watched)));
    },

    async disconnected(session, clean) {
      watchers.removeAll(session);
      if (!leases.isOpen(session)) return; // another connection of the device has taken its place
      if (clean) {
        await leases.close(session);
        await announcer.refresh(session.user);
      } else {
        announcer.refreshLater(session.user, context.now() + SETTLE_MS);
        await leases.lose(session, context.now());
      }
    },
  };

  async function welcome(session: ConnectedSession, users: Iterable<string>): Promise<void> {
    await Promise.all([...users].map((user) => announcer.welcome(session, user)));
  }
}

/** undefined: not a Presence. An empty payload is one: OFFLINE. */
function readState(payload: Uint8Array): State | undefined {
  try {
    const { state } = fromBinary(PresenceSchema, payload);
    return state in State ? state : undefined;
  } catch {
    return undefined; // not protobuf: refused as malformed
  }
}

function everyInterval(ms: number, run: () => Promise<void>): () => void {
  const timer = setInterval(() => void run(), ms);
  timer.unref();
  return () => clearInterval(timer);
}
