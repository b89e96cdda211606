import assert from 'node:assert/strict';
import { Code, publishTopics } from 'godwit-schemas';
import { encodeMessage, newId, readDelivery } from './deliveries.js';
import type { Wire } from './wire.js';

const hex = (id: Uint8Array): string => Buffer.from(id).toString('hex');

/** A sender who keeps so many publishes under way, and remembers which of them the server said are there. */
export class Flood {
  /** Ids of which a PUBACK came, and that were not refused → their place. */
  readonly acknowledged = new Map<string, bigint>();
  /** Sent, and not (yet) acknowledged. */
  readonly open = new Map<number, string>();
  refused = 0;
  private readonly results = new Map<string, { code: Code; seq: bigint }>();
  private stopped = false;

  /** @param wire subscribed to results */
  constructor(
    private readonly wire: Wire,
    private readonly to: string,
    private readonly atOnce = 50,
  ) {
    wire.packets.listen((packet) => {
      if (packet.cmd === 'publish') {
        const delivery = readDelivery(packet);
        if (delivery.kind === 'result') this.results.set(hex(delivery.value.id), delivery.value);
      } else if (packet.cmd === 'puback') this.answered(packet.messageId!);
    });
    for (let i = 0; i < atOnce; i++) this.next();
  }

  stop(): void {
    this.stopped = true;
  }

  private next(): void {
    if (this.stopped || !this.wire.open || this.open.size >= this.atOnce) return;
    const id = newId();
    const packetId = this.wire.publish(publishTopics.to(this.to), encodeMessage(hex(id), { id }), { messageId: (this.wire.packetId() % 65_000) + 1 });
    this.open.set(packetId, hex(id));
  }

  private answered(packetId: number): void {
    const id = this.open.get(packetId);
    assert.ok(id, `a PUBACK of ${packetId}, which is not open`);
    this.open.delete(packetId);
    const result = this.results.get(id);
    assert.ok(result, 'the result comes before the PUBACK');
    this.results.delete(id);
    if (result.code === Code.OK) this.acknowledged.set(id, result.seq);
    else this.refused++;
    this.next();
  }
}
