import { Readable } from 'node:stream';
import { limits } from 'godwit-schemas';
import type { SessionStore } from './types.js';

interface ClientLike {
  id: string;
  clean?: boolean;
}
interface Identified {
  messageId: number;
}

/**
 * What Aedes asks of a persistence, without a message store behind it: subscriptions live in the device's record,
 * deliveries are the pump's, presence is the plugin's, wills stay with their connection. What is kept here are the
 * packet ids of QoS 2 publishes between PUBLISH and PUBREL, in memory: of a session the latest
 * `limits.unreleasedPublishes`, of the sessions those that were active last.
 */
export class SessionPersistence {
  private readonly incoming = new Map<string, Set<number>>();

  constructor(private readonly sessions: SessionStore) {}

  async setup(): Promise<void> {}
  async destroy(): Promise<void> {}

  /** Aedes says "session present" in the CONNACK if this is not empty. */
  async subscriptionsByClient(client: ClientLike): Promise<{ topic: string; qos: number }[]> {
    return this.sessions.restored(client.id);
  }
  async addSubscriptions(client: ClientLike): Promise<void> {
    await this.sessions.filtersAdded(client.id);
  }
  async removeSubscriptions(client: ClientLike, filters: string[]): Promise<void> {
    await this.sessions.filtersRemoved(client.id, filters);
  }
  async cleanSubscriptions(): Promise<void> {}
  async subscriptionsByTopic(): Promise<never[]> {
    return [];
  }

  async incomingStorePacket(client: ClientLike, { messageId }: Identified): Promise<void> {
    const ids = this.incoming.get(client.id) ?? new Set<number>();
    ids.add(messageId);
    // Aedes holds one connection to it; a client that lost its state and came back has left the oldest behind for good.
    if (ids.size > limits.unreleasedPublishes.value) ids.delete(ids.values().next().value!);
    this.incoming.delete(client.id);
    this.incoming.set(client.id, ids);
    if (this.incoming.size > limits.detachedSessions.value) this.incoming.delete(this.incoming.keys().next().value!);
  }
  async incomingGetPacket(client: ClientLike, { messageId }: Identified): Promise<Identified> {
    if (!this.hasIncoming(client.id, messageId)) throw new Error('no such packet');
    return { messageId };
  }
  async incomingDelPacket(client: ClientLike, { messageId }: Identified): Promise<void> {
    const ids = this.incoming.get(client.id);
    ids?.delete(messageId);
    if (ids?.size === 0) this.incoming.delete(client.id);
  }
  async cleanIncoming(client: ClientLike): Promise<void> {
    this.incoming.delete(client.id);
  }
  /** A QoS 2 packet that was published already: its resend must not be published again. */
  hasIncoming(clientId: string, messageId: number): boolean {
    return this.incoming.get(clientId)?.has(messageId) ?? false;
  }

  outgoingStream(): Readable {
    return Readable.from([]);
  }
  async outgoingEnqueue(): Promise<void> {}
  async outgoingEnqueueCombi(): Promise<void> {}
  async outgoingUpdate(): Promise<void> {}
  async outgoingClearMessageId(): Promise<undefined> {
    return undefined;
  }

  async storeRetained(): Promise<void> {}
  createRetainedStream(): Readable {
    return Readable.from([]);
  }
  createRetainedStreamCombi(): Readable {
    return Readable.from([]);
  }

  async putWill(): Promise<void> {}
  async delWill(): Promise<void> {}
  streamWill(): Readable {
    return Readable.from([]);
  }
}
