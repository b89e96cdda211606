import type { IPublishPacket as Publish } from 'mqtt-packet';
import { deliveryTopics } from 'godwit-schemas';
import { readDelivery } from './delivery.js';
import { Device } from './device.js';
import type { Connection } from './connection.js';

/** A clean session: it sees what is written while it is there, and counts as nobody's delivery. */
export class LiveDevice extends Device {
  talk(): void {}
  becomeQuiet(): void {}

  protected recall(): void {}

  protected get open(): number {
    return 0;
  }

  protected get filters(): readonly string[] {
    return [deliveryTopics.msg(this.plan.user), deliveryTopics.feed(this.plan.user)];
  }

  protected onReady(): void {}
  protected onLost(): void {}
  protected onAcknowledged(kind: string, packetId: number): void {
    this.broken(`a ${kind} for nothing that was published: ${packetId}`);
  }

  protected onPublish(connection: Connection, packet: Publish): void {
    this.write(readDelivery(packet.payload as Buffer, connection.number, packet.dup));
    connection.acknowledge(packet.messageId!);
  }
}
