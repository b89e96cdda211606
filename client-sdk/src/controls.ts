import type { Result } from './outbox.js';
import type { Connection } from './transport.js';

interface Flying {
  refusal?: Result;
  /** The PUBACK is in: with the refusal that came before it, if one did. */
  landed(refusal: Result | undefined): void;
}

/** Publishes that have no id: their refusals name the packet id, and belong to the present connection. */
export class Controls {
  #flying = new Map<number, Flying>();
  #connection: Connection | undefined;

  /** @param expecting told when something waits for an answer. */
  constructor(private readonly expecting: () => void) {}

  ready(connection: Connection): void {
    this.#connection = connection;
  }

  /** Nothing more is told of what was published: whoever needs it publishes it again on the next connection. */
  lost(): void {
    this.#connection = undefined;
    this.#flying.clear();
  }

  get waiting(): boolean {
    return this.#flying.size > 0;
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  /** Publishes at QoS 1. False when there is no connection. */
  publish(topic: string, payload: Uint8Array, landed: Flying['landed'], retain = false): boolean {
    const connection = this.#connection;
    if (!connection) return false;
    const flying: Flying = { landed };
    const id = connection.publish(topic, payload, { qos: 1, retain }, () => {
      if (connection !== this.#connection) return;
      this.#flying.delete(id);
      flying.landed(flying.refusal);
    });
    this.#flying.set(id, flying);
    this.expecting();
    return true;
  }

  /** Publishes at QoS 0: it arrives, or not. False when there is no connection. */
  publishOnce(topic: string, payload: Uint8Array): boolean {
    this.#connection?.publish(topic, payload, { qos: 0 });
    return this.#connection !== undefined;
  }

  /** A result without an id. False when nothing of ours has that packet id. */
  arrived(result: Result): boolean {
    const flying = this.#flying.get(result.packetId);
    if (flying) flying.refusal = result;
    return flying !== undefined;
  }
}
