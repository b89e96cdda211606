import { Code, create, deliveryTopics, fromBinary, GodwitError, PresenceSchema, publishTopics, State, toBinary, validUserId } from 'godwit-schemas';
import { refusalOf } from './calls.js';
import type { Controls } from './controls.js';
import type { PresenceNotice } from './events.js';
import type { Connection } from './transport.js';
import { abortable, Deferred, throwIfAborted } from './wait.js';

interface Watched {
  /** Granted by the server's session, as far as this process knows. */
  granted: boolean;
  asked: Deferred<void>;
  last?: PresenceNotice;
}

export interface PresenceHooks {
  readonly user: string;
  emit(event: PresenceNotice): void;
  failed(error: unknown): void;
}

/** Whom this app watches, and what it says of itself. */
export class Presence {
  #watched = new Map<string, Watched>();
  #connection: Connection | undefined;
  /** What this device says of itself: a connection counts as online until it says otherwise. */
  #own: State = State.ONLINE;
  #background = false;

  constructor(
    private readonly controls: Controls,
    private readonly hooks: PresenceHooks,
  ) {}

  /** See `Client.presence.watch`. */
  async watch(user: string, signal?: AbortSignal): Promise<void> {
    if (!validUserId(user)) throw new GodwitError(Code.MALFORMED, `not a user id: ${user}`);
    throwIfAborted(signal);
    let watched = this.#watched.get(user);
    if (!watched) {
      this.#watched.set(user, (watched = { granted: false, asked: new Deferred() }));
      if (this.#connection) void this.#subscribe(this.#connection, [user]);
    }
    await abortable(watched.asked.promise, signal);
  }

  async unwatch(user: string): Promise<void> {
    const watched = this.#watched.get(user);
    if (!watched) return;
    this.#watched.delete(user);
    watched.asked.reject(new GodwitError(Code.CONFLICT, 'it is not watched any more'));
    this.#unsubscribe(user);
  }

  /** The last that was told of a watched user. */
  of(user: string): PresenceNotice | undefined {
    return this.#watched.get(user)?.last;
  }

  set(state: State): void {
    this.#change(() => (this.#own = state), true);
  }

  /**
   * In background, ONLINE is AWAY.
   * @param now false: another connection is about to take the place of the present one. It begins as ONLINE, so that
   * others would be told AWAY, ONLINE, AWAY: it is told there.
   */
  setBackground(background: boolean, now: boolean): void {
    this.#change(() => (this.#background = background), now);
  }

  /** @param fresh the server knows no subscription of this device. */
  ready(connection: Connection, fresh: boolean): void {
    this.#connection = connection;
    if (fresh) for (const watched of this.#watched.values()) watched.granted = false;
    const users = [...this.#watched].filter(([, { granted }]) => !granted).map(([user]) => user);
    if (users.length > 0) void this.#subscribe(connection, users);
    if (this.#shown !== State.ONLINE) this.#tell();
  }

  lost(): void {
    this.#connection = undefined;
  }

  /** @throws when the payload is no Presence. */
  arrived(user: string, payload: Uint8Array): void {
    const watched = this.#watched.get(user);
    // An earlier run of the app watched them: the session still does.
    if (!watched) return this.#unsubscribe(user);
    const { state, lastSeenMs } = fromBinary(PresenceSchema, payload);
    watched.last = { type: 'presence', user, state, lastSeenMs: Number(lastSeenMs) };
    this.hooks.emit(watched.last);
  }

  abandon(error: GodwitError): void {
    for (const { asked } of this.#watched.values()) asked.reject(error);
  }

  async #subscribe(connection: Connection, users: readonly string[]): Promise<void> {
    let granted: readonly number[];
    try {
      granted = await connection.subscribe(users.map((user) => deliveryTopics.presence(user)));
    } catch (error) {
      // Lost with its connection: asked again on the next one.
      if (connection === this.#connection) this.hooks.failed(error);
      return;
    }
    users.forEach((user, i) => {
      const watched = this.#watched.get(user);
      if (!watched) return;
      if (granted[i] === 128) {
        this.#watched.delete(user);
        watched.asked.reject(new GodwitError(Code.NOT_ALLOWED, `the presence of ${user} is not told to this user`));
      } else {
        watched.granted = true;
        watched.asked.resolve();
      }
    });
  }

  #unsubscribe(user: string): void {
    const connection = this.#connection;
    if (!connection) return;
    connection.unsubscribe([deliveryTopics.presence(user)]).catch((error) => {
      if (connection === this.#connection) this.hooks.failed(error);
    });
  }

  get #shown(): State {
    return this.#background && this.#own === State.ONLINE ? State.AWAY : this.#own;
  }

  #change(change: () => void, now: boolean): void {
    const before = this.#shown;
    change();
    if (now && this.#shown !== before) this.#tell();
  }

  #tell(): void {
    const state = this.#shown;
    const payload = toBinary(PresenceSchema, create(PresenceSchema, { state }));
    const landed = (refusal: Parameters<typeof refusalOf>[0] | undefined): void => {
      if (refusal) this.hooks.failed(refusalOf(refusal));
    };
    this.controls.publish(publishTopics.presence(this.hooks.user), payload, landed, true);
  }
}
