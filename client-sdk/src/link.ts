import { Code, codeName, GodwitError, type FillRandom } from 'godwit-schemas';
import { Attempt, type AttemptOptions, type Ending } from './attempt.js';
import { backoffMs } from './backoff.js';
import type { ConnectionChange, ConnectionState } from './events.js';
import type { NetworkHints } from './network.js';
import type { Debug } from './options.js';
import type { Connection, Packet } from './transport.js';
import { Deferred, monotonicMs, Timer } from './wait.js';

export interface LinkHooks extends Omit<AttemptOptions, 'keepaliveS' | 'subscribe'> {
  readonly random: FillRandom;
  readonly now: () => number;
  readonly debug: Debug;
  readonly network: NetworkHints | undefined;
  state(change: ConnectionChange): void;
  /** Connected, and subscribed. `fresh`: the server knew no session of this device. */
  ready(connection: Connection, fresh: boolean, token: string): void;
  packet(packet: Packet, connection: Connection): void;
  lost(connection: Connection): void;
  /** Whether something waits for an answer. */
  waiting(): boolean;
}

/** States in which nothing is tried until the app says so. */
const resting: ReadonlySet<ConnectionState> = new Set(['idle', 'signed-out', 'taken-over', 'closed']);

/**
 * Keeps one connection at a time, until it is told to stop or the server says that it must not. Where a connection in
 * use is to have another keepalive, a successor is made beside it and takes its place once the server has accepted it.
 */
export class Link {
  #state: ConnectionState = 'idle';
  #current: Attempt | undefined;
  /** What is to take the place of `#current`, with another keepalive. */
  #successor: Attempt | undefined;
  #tries = 0;
  #refusals = 0;
  #subscribeAnyway = false;
  #background = false;
  /** Closed by `background`: `foreground` connects again. */
  #asleep = false;
  /** Someone waits for the connection to be as it is to be in background. */
  #settling: Deferred<void> | undefined;
  #timer = new Timer();
  /** When the next try is due, on the monotonic clock. */
  #retryAt = 0;
  #error: Error | undefined;
  #stopListening: (() => void) | undefined;

  constructor(private readonly hooks: LinkHooks) {}

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects, and stays connected. While it waits to try again: now. */
  connect(): void {
    if (this.#state === 'connecting' || this.#state === 'connected' || this.#state === 'closed') return;
    this.#stopListening ??= this.hooks.network?.listen((online) => this.#hinted(online));
    if (this.#state !== 'waiting') this.#tries = this.#refusals = 0;
    this.#begin();
  }

  async close(): Promise<void> {
    this.#stopListening?.();
    const connection = this.#current?.connection;
    this.#leaveAll();
    this.#set({ state: 'closed' });
    await connection?.close();
  }

  /**
   * In background: the connection is closed, or gets the keepalive of the background. Resolves when it is so, or when
   * there is none: nothing more is sent then but what the app asks for.
   */
  async background(close: boolean): Promise<void> {
    this.#background = true;
    if (!close) {
      this.#fit();
      if (this.#settled) return;
      await (this.#settling ??= new Deferred()).promise;
    } else if (!resting.has(this.#state)) {
      this.#asleep = true;
      const connection = this.#current?.connection;
      this.#leaveAll();
      this.#set({ state: 'idle' });
      await connection?.close();
    }
  }

  /** In front again: connects at once, or finds out at once whether the connection is alive, and gives it its usual keepalive. */
  foreground(): void {
    this.#background = false;
    if (this.#asleep || this.#state === 'waiting') {
      this.#tries = 0;
      this.#begin();
    } else {
      this.#current?.check();
      this.#fit();
    }
    this.#tellSettled();
  }

  /** Whether a connection that is ready is about to be replaced by another. */
  get replacing(): boolean {
    return this.#successor !== undefined;
  }

  /** Gives the present connection up, and connects again after a while. */
  drop(error: Error): void {
    const connection = this.#current?.connection;
    if (!connection) return;
    this.#leave(this.#current!);
    connection.abort();
    this.#ended({ kind: 'lost', error });
  }

  /** The session lacks a subscription: subscribe again, on the next connection. */
  resubscribe(error: Error): void {
    this.#subscribeAnyway = true;
    this.drop(error);
  }

  /** Something was sent that is to be answered. */
  expecting(): void {
    this.#current?.expecting();
  }

  /** A result that is about the connection. */
  ended(code: Code, text: string): void {
    this.#current?.ended(code, text);
  }

  #begin(): void {
    this.#timer.clear();
    this.#asleep = false;
    this.#set({ state: 'connecting' });
    if (this.#state === 'connecting') this.#current = this.#attempt();
  }

  get #keepaliveS(): number {
    const { keepaliveS, backgroundKeepaliveS } = this.hooks.timing;
    return this.#background ? backgroundKeepaliveS : keepaliveS;
  }

  #attempt(): Attempt {
    const attempt = new Attempt({ ...this.hooks, keepaliveS: this.#keepaliveS, subscribe: this.#subscribeAnyway }, {
      accepted: () => this.#accepted(attempt),
      ready: (fresh) => this.#ready(attempt, fresh),
      packet: (packet, connection) => this.hooks.packet(packet, connection),
      waiting: () => this.hooks.waiting(),
      over: (ending) => this.#over(attempt, ending),
    });
    return attempt;
  }

  #accepted(attempt: Attempt): void {
    if (attempt !== this.#successor) return;
    const before = this.#current!;
    this.#leave(before);
    before.connection?.abort();
    this.#current = attempt;
    this.#successor = undefined;
  }

  #ready(attempt: Attempt, fresh: boolean): void {
    this.#subscribeAnyway = false;
    if (this.#state !== 'connected') this.#set({ state: 'connected' });
    // A listener may have ended it.
    if (attempt !== this.#current) return;
    this.hooks.ready(attempt.connection!, fresh, attempt.token);
    this.#fit();
    this.#tellSettled();
  }

  /**
   * A connection in use gets the keepalive that it should have. MQTT fixes it at CONNECT, and the server's presence lease
   * follows it: always the long one would show a phone that lost its network as online for a quarter of an hour. So it
   * takes another connection, at a moment at which the radio is awake anyhow.
   */
  #fit(): void {
    const keepaliveS = this.#keepaliveS;
    // One that connects is waited for though its keepalive is the wrong one by now: the server may have accepted it
    // already, and ended the connection in use for it. When it is ready, this is looked at anew.
    if (this.#successor && !this.#successor.connection && this.#successor.keepaliveS !== keepaliveS) this.#leaveSuccessor();
    if (this.#current?.ready && this.#current.keepaliveS !== keepaliveS) this.#successor ??= this.#attempt();
  }

  #over(attempt: Attempt, ending: Ending): void {
    if (attempt === this.#successor) {
      // What kept it from connecting is the network's or the server's: the connection in use would not be better off.
      const connection = this.#current?.connection;
      this.#successor = undefined;
      if (this.#current) this.#leave(this.#current);
      connection?.abort();
    } else {
      this.#leave(attempt);
    }
    this.#ended(ending);
  }

  /** The present attempt is over. */
  #ended({ kind, error }: Ending): void {
    if (this.#successor) {
      this.#current = this.#successor;
      this.#successor = undefined;
      // Taken over: by the successor, whose CONNACK is on its way.
      if (kind !== 'taken-over') this.#set({ state: 'connecting' });
    } else if (kind === 'taken-over') this.#set({ state: 'taken-over', error });
    else if (kind === 'rejected') this.#set({ state: 'signed-out', error });
    else if (kind === 'refused') this.#refused(error);
    else this.#retry(error);
  }

  /** The token was: another one, once. */
  #refused(error: Error): void {
    this.hooks.tokens.discard();
    this.hooks.debug({ what: 'refused', code: codeName((error as GodwitError).code) });
    if (++this.#refusals >= 2) this.#set({ state: 'signed-out', error });
    else this.#begin();
  }

  #retry(error: Error): void {
    this.#wait(this.hooks.network?.online === false ? this.hooks.timing.backoffMaxMs : this.#nextBackoffMs(), error);
  }

  #nextBackoffMs(): number {
    const { timing, random } = this.hooks;
    return backoffMs(this.#tries++, timing.backoffMinMs, timing.backoffMaxMs, random);
  }

  #wait(ms: number, error: Error | undefined): void {
    this.#error = error;
    this.#retryAt = monotonicMs() + ms;
    this.#set({ state: 'waiting', retryAtMs: this.hooks.now() + ms, error });
    if (this.#state === 'waiting') this.#timer.set(ms, () => this.#begin());
  }

  /**
   * The platform thinks that the network came or went. Not believed without more: what is connected is asked whether it
   * is alive, and without a network there is still a try at the longest backoff.
   */
  #hinted(online: boolean): void {
    this.hooks.debug({ what: 'network', online });
    if (online) this.#tries = 0;
    if (this.#state === 'connected') this.#current?.check();
    if (this.#state !== 'waiting') return;
    // The first backoff is the jitter: not all phones of a train that leaves the tunnel connect in the same moment.
    const ms = online ? Math.min(this.#nextBackoffMs(), Math.max(0, this.#retryAt - monotonicMs())) : this.hooks.timing.backoffMaxMs;
    this.#wait(ms, this.#error);
  }

  /** Not listened to any more; what is to become of its connection is the caller's. */
  #leave(attempt: Attempt): void {
    if (attempt.stable) this.#tries = this.#refusals = 0;
    attempt.abandon();
    if (attempt === this.#current) this.#current = undefined;
    if (attempt.connection) this.hooks.lost(attempt.connection);
  }

  #leaveSuccessor(): void {
    this.#successor?.abandon();
    this.#successor?.connection?.abort();
    this.#successor = undefined;
  }

  #leaveAll(): void {
    this.#timer.clear();
    this.#leaveSuccessor();
    if (this.#current) this.#leave(this.#current);
  }

  /** The connection is as it is to be, or there is none. */
  get #settled(): boolean {
    if (this.#state === 'connecting' || this.#successor) return false;
    return this.#state !== 'connected' || (this.#current?.ready === true && this.#current.keepaliveS === this.#keepaliveS);
  }

  #tellSettled(): void {
    if (!this.#settling || (this.#background && !this.#settled)) return;
    this.#settling.resolve();
    this.#settling = undefined;
  }

  #set(change: Omit<ConnectionChange, 'type'>): void {
    if (this.#state === 'closed') return;
    this.#state = change.state;
    this.hooks.debug({ what: 'connection', ...change });
    this.hooks.state({ type: 'connection', ...change });
    if (change.state !== 'connected') this.#tellSettled();
  }
}
