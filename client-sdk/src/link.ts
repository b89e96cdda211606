import { clientId, Code, codeName, deliveryTopics, GodwitError, publishTopics, type FillRandom } from 'godwit-schemas';
import { backoffMs } from './backoff.js';
import type { ConnectionChange, ConnectionState } from './events.js';
import { Liveness } from './liveness.js';
import type { Debug, Timing } from './options.js';
import type { Tokens } from './token.js';
import type { CloseReason, Connection, ConnectionHandlers, ConnectOptions, Packet, Transport } from './transport.js';
import { monotonicMs, Timer } from './wait.js';

export interface LinkHooks {
  readonly url: string;
  readonly user: string;
  readonly device: string;
  readonly transport: Transport;
  readonly tokens: Tokens;
  readonly timing: Timing;
  readonly random: FillRandom;
  readonly now: () => number;
  readonly debug: Debug;
  state(change: ConnectionChange): void;
  /** Connected, and subscribed. `fresh`: the server knew no session of this device. */
  ready(connection: Connection, fresh: boolean, token: string): void;
  packet(packet: Packet, connection: Connection): void;
  lost(connection: Connection): void;
  /** Whether something waits for an answer. */
  waiting(): boolean;
}

/** MQTT 3.1.1, table 3.1: bad user name or password, not authorized. */
const notAuthorized: ReadonlySet<number> = new Set([4, 5]);
/** Unacceptable protocol version, identifier rejected. */
const neverAccepted: ReadonlySet<number> = new Set([1, 2]);

/** Keeps one connection at a time, until it is told to stop or the server says that it must not. */
export class Link {
  #state: ConnectionState = 'idle';
  /** Names the present attempt: what an earlier one still tells is not listened to. */
  #turn = 0;
  #connection: Connection | undefined;
  #liveness: Liveness | undefined;
  #connected = false;
  #connectedAt = 0;
  #tries = 0;
  #refusals = 0;
  #subscribeAnyway = false;
  /** Why the server said that it ends this connection. */
  #ending: GodwitError | undefined;
  #timer = new Timer();

  constructor(private readonly hooks: LinkHooks) {}

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects, and stays connected. While it waits to try again: now. */
  connect(): void {
    if (this.#state === 'connecting' || this.#state === 'connected' || this.#state === 'closed') return;
    if (this.#state !== 'waiting') this.#tries = this.#refusals = 0;
    this.#attempt();
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#abandon();
    this.#set({ state: 'closed' });
    await connection?.close();
  }

  /** Gives the present connection up, and connects again after a while. */
  drop(error: Error): void {
    const connection = this.#connection;
    if (!connection) return;
    this.#abandon();
    connection.abort();
    this.#retry(error);
  }

  /** The session lacks a subscription: subscribe again, on the next connection. */
  resubscribe(error: Error): void {
    this.#subscribeAnyway = true;
    this.drop(error);
  }

  /** Something was sent that is to be answered. */
  expecting(): void {
    this.#liveness?.expect();
  }

  /** A result that is about the connection. */
  ended(code: Code, text: string): void {
    this.#ending = new GodwitError(code, text || undefined);
  }

  #attempt(): void {
    this.#timer.clear();
    const turn = ++this.#turn;
    this.#ending = undefined;
    this.#set({ state: 'connecting' });
    this.hooks.tokens.get().then(
      (token) => turn === this.#turn && this.#open(turn, token),
      (error: Error) => turn === this.#turn && this.#retry(error),
    );
  }

  #open(turn: number, token: string): void {
    const { user, device, timing, transport, url } = this.hooks;
    const mine = <A extends unknown[]>(act: (...args: A) => void) => (...args: A): void => {
      if (turn === this.#turn) act(...args);
    };
    let connection: Connection;
    const options: ConnectOptions = {
      url,
      clientId: clientId(user, device),
      username: user,
      password: token,
      keepaliveS: timing.keepaliveS,
      connectTimeoutMs: timing.connectTimeoutMs,
      // A Presence of OFFLINE is empty: the server ends this connection's lease at once, and clears nothing.
      will: { topic: publishTopics.presence(user), payload: new Uint8Array(0), retain: true },
    };
    const handlers: ConnectionHandlers = {
      open: mine((present: boolean) => void this.#opened(turn, connection, present, token)),
      packet: mine((packet: Packet) => this.hooks.packet(packet, connection)),
      heard: mine(() => this.#liveness?.heard()),
      close: mine((reason: CloseReason) => this.#closed(reason)),
    };
    try {
      connection = transport.connect(options, handlers);
    } catch (error) {
      return this.#retry(error as Error);
    }
    this.#connection = connection;
    const waiting = (): boolean => !this.#connected || this.hooks.waiting();
    const dead = (): void => this.drop(new GodwitError(Code.UNAVAILABLE, 'the connection is dead: no answer to a ping'));
    this.#liveness = new Liveness(connection, timing, waiting, dead);
  }

  async #opened(turn: number, connection: Connection, present: boolean, token: string): Promise<void> {
    if (!present || this.#subscribeAnyway) {
      this.#liveness?.expect();
      const filter = deliveryTopics.all(this.hooks.user);
      let granted: number;
      try {
        [granted] = await connection.subscribe([filter]);
      } catch (error) {
        // The connection's end says so too; here only what ended without it.
        if (turn === this.#turn) this.drop(error as Error);
        return;
      }
      if (turn !== this.#turn) return;
      if (granted === 128) return this.drop(new GodwitError(Code.NOT_ALLOWED, `the server does not grant ${filter}`));
      this.#subscribeAnyway = false;
    }
    this.#connected = true;
    this.#connectedAt = monotonicMs();
    this.#set({ state: 'connected' });
    if (turn === this.#turn) this.hooks.ready(connection, !present, token);
  }

  #closed({ returnCode, error }: CloseReason): void {
    const ending = this.#ending;
    this.#abandon();
    if (ending?.code === Code.TAKEN_OVER) return this.#set({ state: 'taken-over', error: ending });
    if (ending?.code === Code.REVOKED || ending?.code === Code.UNAUTHENTICATED) return this.#refused(ending);
    if (returnCode !== undefined && notAuthorized.has(returnCode)) return this.#refused(new GodwitError(Code.UNAUTHENTICATED));
    if (returnCode !== undefined && neverAccepted.has(returnCode)) {
      return this.#set({ state: 'signed-out', error: new GodwitError(Code.MALFORMED, `the server does not accept this client (CONNACK ${returnCode})`) });
    }
    this.#retry(ending ?? error ?? new GodwitError(Code.UNAVAILABLE, returnCode === undefined ? 'the connection was lost' : `CONNACK ${returnCode}`));
  }

  /** The token was: another one, once. */
  #refused(error: GodwitError): void {
    this.hooks.tokens.discard();
    this.hooks.debug({ what: 'refused', code: codeName(error.code) });
    if (++this.#refusals >= 2) this.#set({ state: 'signed-out', error });
    else this.#attempt();
  }

  #retry(error: Error): void {
    const { timing, random, now } = this.hooks;
    const wait = backoffMs(this.#tries++, timing.backoffMinMs, timing.backoffMaxMs, random);
    this.#set({ state: 'waiting', retryAtMs: now() + wait, error });
    if (this.#state === 'waiting') this.#timer.set(wait, () => this.#attempt());
  }

  /** Whatever the present attempt has: not listened to any more. */
  #abandon(): void {
    this.#turn++;
    this.#timer.clear();
    this.#liveness?.stop();
    this.#liveness = undefined;
    const connection = this.#connection;
    this.#connection = undefined;
    if (this.#connected && monotonicMs() - this.#connectedAt >= this.hooks.timing.stableMs) this.#tries = this.#refusals = 0;
    this.#connected = false;
    if (connection) this.hooks.lost(connection);
  }

  #set(change: Omit<ConnectionChange, 'type'>): void {
    if (this.#state === 'closed') return;
    this.#state = change.state;
    this.hooks.debug({ what: 'connection', ...change });
    this.hooks.state({ type: 'connection', ...change });
  }
}
