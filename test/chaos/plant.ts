import mqtt, { type IPublishPacket as Publish, type Packet } from 'mqtt-packet';
import { create, Flag, fromBinary, MessageSchema, parseDeliveryTopic, toBinary } from 'godwit-schemas';
import type { Tamper } from './link.js';

/**
 * Faults of a server, planted between it and one device, once: the checker must see them.
 *
 * - `loss`: a delivery is taken away, and acknowledged in the device's name.
 * - `repeat`: a message comes a second time, in the place of the one behind it.
 * - `swap`: two messages of one conversation change places.
 */
export type Plant = 'loss' | 'repeat' | 'swap';

interface Delivery {
  packet: Publish;
  conversation: string;
  seq: bigint;
}

/** Deliveries that pass before the plant. */
const AFTER = 2;

/** One plant, for all connections of a device; `planted` is called when it is done. */
export function plant(what: Plant, planted: (conversation: string, seq: number) => void): () => Tamper {
  let done = false;
  let passed = 0;
  /** Held back: what comes behind it in its conversation decides. */
  let held: Delivery | undefined;

  function change(packet: Packet, answer: (bytes: Buffer) => void): Packet[] {
    const delivery = done ? undefined : deliveryOf(packet);
    if (!delivery || passed++ < AFTER) return [packet];
    if (what === 'loss') {
      finish(delivery);
      answer(mqtt.generate({ cmd: 'puback', messageId: delivery.packet.messageId! } as Packet));
      return [];
    }
    const first = held;
    if (first && first.conversation !== delivery.conversation) return [packet];
    if (!first || delivery.seq !== first.seq + 1n) {
      held = delivery;
      return first ? [first.packet] : [];
    }
    held = undefined;
    finish(delivery);
    return what === 'swap' ? [packet, first.packet] : [first.packet, inPlaceOf(first, delivery)];
  }

  function finish({ conversation, seq }: Delivery): void {
    done = true;
    planted(conversation, Number(seq));
  }

  return () => {
    const parser = mqtt.parser();
    const packets: Packet[] = [];
    parser.on('packet', (packet) => packets.push(packet));
    // What was held back for a connection that is gone comes again on this one.
    held = undefined;
    return {
      down(chunk, answer) {
        parser.parse(chunk);
        return Buffer.concat(packets.splice(0).flatMap((packet) => change(packet, answer)).map((packet) => mqtt.generate(packet)));
      },
    };
  };
}

function deliveryOf(packet: Packet): Delivery | undefined {
  if (packet.cmd !== 'publish' || parseDeliveryTopic(packet.topic)?.kind !== 'msg') return undefined;
  const { conversation, seq, event, flags } = fromBinary(MessageSchema, packet.payload as Buffer);
  // A raw message has no id of its sender's: a repeat would be its sender's.
  return event || flags & Flag.bare ? undefined : { packet, conversation, seq };
}

/** A message with the place, and the packet id, of another one. */
function inPlaceOf(message: Delivery, { packet, seq }: Delivery): Packet {
  const payload = create(MessageSchema, { ...fromBinary(MessageSchema, message.packet.payload as Buffer), seq, after: 0n });
  return { ...packet, payload: Buffer.from(toBinary(MessageSchema, payload)) };
}
