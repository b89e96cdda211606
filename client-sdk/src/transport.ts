/** A publish that was delivered. */
export interface Packet {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  /** 0 at QoS 0. */
  readonly packetId: number;
}

/** What a connection is opened with. The session is always a persistent one (clean session off). */
export interface ConnectOptions {
  readonly url: string;
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  /** Seconds; 0 = none. The transport pings by itself and closes a connection that stays silent. */
  readonly keepaliveS: number;
  /** Milliseconds until the CONNACK must be there. */
  readonly connectTimeoutMs: number;
  readonly will?: { readonly topic: string; readonly payload: Uint8Array; readonly retain: boolean };
}

/** Why a connection ended. */
export interface CloseReason {
  /** The CONNACK's return code, when it was not 0. */
  readonly returnCode?: number;
  readonly error?: Error;
}

/**
 * What a transport tells. Never called before `connect` has returned; `open` first and at most once, then the rest;
 * `close` exactly once, and nothing after it.
 */
export interface ConnectionHandlers {
  /** CONNACK accepted. */
  open(sessionPresent: boolean): void;
  /** In the order of arrival. A QoS 1 publish stays unacknowledged until `acknowledge`. */
  packet(packet: Packet): void;
  /** Anything at all arrived, a PINGRESP included. */
  heard(): void;
  /** It has ended, or never came to be. */
  close(reason: CloseReason): void;
}

/** One connection: from one CONNECT to its end. It never reconnects. */
export interface Connection {
  /**
   * Publishes; in the order of the calls. Does nothing once the connection has ended.
   * @param acknowledged called at the PUBACK (QoS 1), on this connection or never.
   * @returns the packet id; 0 at QoS 0.
   */
  publish(topic: string, payload: Uint8Array, options?: { qos?: 0 | 1; retain?: boolean }, acknowledged?: () => void): number;
  /** Sends PUBACKs, in this order. Does nothing once the connection has ended: what it delivered comes again. */
  acknowledge(packetIds: readonly number[]): void;
  /** Subscribes at QoS 1; the granted QoS of each filter, 128 = refused. Rejects when the connection ends before the SUBACK. */
  subscribe(filters: readonly string[]): Promise<readonly number[]>;
  /** Rejects when the connection ends before the UNSUBACK. */
  unsubscribe(filters: readonly string[]): Promise<void>;
  /** Sends a PINGREQ. */
  ping(): void;
  /** Says DISCONNECT, then closes. Resolves when it is closed. */
  close(): Promise<void>;
  /** Cuts the connection off. */
  abort(): void;
}

/** How connections are made: MQTT 3.1.1, over whatever the URL's scheme says. */
export interface Transport {
  /** Begins to connect and returns at once; whatever goes wrong is told by `close`. */
  connect(options: ConnectOptions, handlers: ConnectionHandlers): Connection;
}
