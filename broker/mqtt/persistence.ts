import { Readable } from 'node:stream';
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
 * deliveries are the pump's, presence is the plugin's, wills stay with their connection. What is kept here is the
 * state of QoS 2 publishes between PUBLISH and PUBREL, in memory.
 */
export class SessionPersistence {
  private readonly incoming = new Map<string, Map<number, object>>();

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

  async incomingStorePacket(client: ClientLike, packet: Identified): Promise<void> {
    let packets = this.incoming.get(client.id);
    if (!packets) this.incoming.set(client.id, (packets = new Map()));
    packets.set(packet.messageId, packet);
  }
  async incomingGetPacket(client: ClientLike, packet: Identified): Promise<object> {
    const stored = this.incoming.get(client.id)?.get(packet.messageId);
    if (!stored) throw new Error('no such packet');
    return stored;
  }
  async incomingDelPacket(client: ClientLike, packet: Identified): Promise<void> {
    const packets = this.incoming.get(client.id);
    packets?.delete(packet.messageId);
    if (packets?.size === 0) this.incoming.delete(client.id);
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
