import { clientId, Code, deliveryTopics, GodwitError, publishTopics } from 'godwit-schemas';
import { Liveness } from './liveness.js';
import type { Timing } from './options.js';
import type { Tokens } from './token.js';
import type { CloseReason, Connection, ConnectionHandlers, ConnectOptions, Packet, Transport } from './transport.js';
import { monotonicMs } from './wait.js';

export interface AttemptOptions {
  readonly url: string;
  readonly user: string;
  readonly device: string;
  readonly transport: Transport;
  readonly tokens: Tokens;
  readonly timing: Timing;
  /** Seconds. */
  readonly keepaliveS: number;
  /** Subscribe also when the server says that it knows the session. */
  readonly subscribe: boolean;
}

/** Why an attempt, or the connection that it led to, is over. */
export interface Ending {
  /** `refused`: the token was. `rejected`: this client will never be accepted. */
  readonly kind: 'lost' | 'refused' | 'rejected' | 'taken-over';
  readonly error: Error;
}

export interface AttemptHooks {
  /** The server has accepted it: the connection before it, if there is one, is taken over. */
  accepted(): void;
  /** Subscribed. `fresh`: the server knew no session of this device. */
  ready(fresh: boolean): void;
  packet(packet: Packet, connection: Connection): void;
  /** Whether something waits for an answer. */
  waiting(): boolean;
  /** Once, and nothing after it; not after `abandon`. */
  over(ending: Ending): void;
}

/** MQTT 3.1.1, table 3.1: bad user name or password, not authorized. */
const notAuthorized: ReadonlySet<number> = new Set([4, 5]);
/** Unacceptable protocol version, identifier rejected. */
const neverAccepted: ReadonlySet<number> = new Set([1, 2]);

/** One try to connect, and the connection that comes of it, to its end. */
export class Attempt {
  token = '';
  connection: Connection | undefined;
  #accepted = false;
  #readyAt: number | undefined;
  #over = false;
  #liveness: Liveness | undefined;
  /** Why the server said that it ends this connection. */
  #ending: GodwitError | undefined;

  constructor(
    private readonly options: AttemptOptions,
    private readonly hooks: AttemptHooks,
  ) {
    options.tokens.get().then(
      (token) => this.#open(token),
      (error: Error) => this.#end({ kind: 'lost', error }),
    );
  }

  get keepaliveS(): number {
    return this.options.keepaliveS;
  }

  get ready(): boolean {
    return this.#readyAt !== undefined;
  }

  /** Whether it was in use for long enough to be called a good one. */
  get stable(): boolean {
    return this.#readyAt !== undefined && monotonicMs() - this.#readyAt >= this.options.timing.stableMs;
  }

  /** Something was sent that is to be answered. */
  expecting(): void {
    this.#liveness?.expect();
  }

  /** Whether the connection is alive: in `pingTimeoutMs` it has given a sign of life, or is over. */
  check(): void {
    if (this.#accepted) this.#liveness?.check();
  }

  /** A result that is about the connection. */
  ended(code: Code, text: string): void {
    this.#ending = new GodwitError(code, text || undefined);
  }

  /** Nothing more is told of it. The connection is the caller's to end. */
  abandon(): void {
    this.#over = true;
    this.#liveness?.stop();
  }

  #open(token: string): void {
    if (this.#over) return;
    const { user, device, timing, transport, url, keepaliveS } = this.options;
    this.token = token;
    const listening = <A extends unknown[]>(act: (...args: A) => void) => (...args: A): void => {
      if (!this.#over) act(...args);
    };
    let connection: Connection;
    const to: ConnectOptions = {
      url,
      clientId: clientId(user, device),
      username: user,
      password: token,
      keepaliveS,
      connectTimeoutMs: timing.connectTimeoutMs,
      // A Presence of OFFLINE is empty: the server ends this connection's lease at once, and clears nothing.
      will: { topic: publishTopics.presence(user), payload: new Uint8Array(0), retain: true },
    };
    const handlers: ConnectionHandlers = {
      open: listening((present: boolean) => void this.#opened(connection, present)),
      packet: listening((packet: Packet) => this.hooks.packet(packet, connection)),
      heard: listening(() => this.#liveness?.heard()),
      close: listening((reason: CloseReason) => this.#end(endingOf(reason, this.#ending))),
    };
    try {
      connection = transport.connect(to, handlers);
    } catch (error) {
      return this.#end({ kind: 'lost', error: error as Error });
    }
    this.connection = connection;
    const waiting = (): boolean => !this.ready || this.hooks.waiting();
    this.#liveness = new Liveness(connection, timing, waiting, () => this.#fail(new GodwitError(Code.UNAVAILABLE, 'the connection is dead: no answer to a ping')));
  }

  async #opened(connection: Connection, present: boolean): Promise<void> {
    this.#accepted = true;
    this.hooks.accepted();
    if (!present || this.options.subscribe) {
      this.#liveness?.expect();
      const filter = deliveryTopics.all(this.options.user);
      let granted: number;
      try {
        [granted] = await connection.subscribe([filter]);
      } catch (error) {
        // The connection's end says so too; here only what ended without it.
        return this.#fail(error as Error);
      }
      if (granted === 128) return this.#fail(new GodwitError(Code.NOT_ALLOWED, `the server does not grant ${filter}`));
    }
    if (this.#over) return;
    this.#readyAt = monotonicMs();
    this.hooks.ready(!present);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#end({ kind: 'lost', error });
    this.connection?.abort();
  }

  #end(ending: Ending): void {
    if (this.#over) return;
    this.abandon();
    this.hooks.over(ending);
  }
}

/** @param said why the server said that it ends the connection. */
function endingOf({ returnCode, error }: CloseReason, said: GodwitError | undefined): Ending {
  if (said?.code === Code.TAKEN_OVER) return { kind: 'taken-over', error: said };
  if (said?.code === Code.REVOKED || said?.code === Code.UNAUTHENTICATED) return { kind: 'refused', error: said };
  if (returnCode === undefined) return { kind: 'lost', error: said ?? error ?? new GodwitError(Code.UNAVAILABLE, 'the connection was lost') };
  if (notAuthorized.has(returnCode)) return { kind: 'refused', error: new GodwitError(Code.UNAUTHENTICATED) };
  if (neverAccepted.has(returnCode)) {
    return { kind: 'rejected', error: new GodwitError(Code.MALFORMED, `the server does not accept this client (CONNACK ${returnCode})`) };
  }
  return { kind: 'lost', error: said ?? error ?? new GodwitError(Code.UNAVAILABLE, `CONNACK ${returnCode}`) };
}
