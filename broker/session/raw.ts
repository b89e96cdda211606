import { createHash } from 'node:crypto';
import { Code, Flag, limits, writeVarint } from 'godwit-schemas';
import type { Publish } from './publish.js';

/** The Message around a plain device's bytes: id, body, and the flag that says that the body has no content schema. */
export function wrapRaw(id: Uint8Array, body: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(2 + id.length + 1 + 5 + body.length + 2);
  message[0] = 0x0a;
  message[1] = id.length;
  message.set(id, 2);
  let at = 2 + id.length;
  if (body.length > 0) {
    message[at++] = 0x12;
    at = writeVarint(message, at, body.length);
    message.set(body, at);
    at += body.length;
  }
  message[at++] = 0x30;
  message[at++] = Flag.bare;
  return message.subarray(0, at);
}

/**
 * Raw publishes have no id. A resend (DUP) with the packet id, topic and bytes of one of the device's last 64 raw
 * publishes is the same message; it is answered with what became of the first.
 */
export class RawMemory {
  private readonly publishes: { key: string; publish: Publish }[] = [];

  find(packetId: number, topic: string, body: Uint8Array): Publish | undefined {
    const key = keyOf(packetId, topic, body);
    return this.publishes.findLast((entry) => entry.key === key && isOrWillBeThere(entry.publish))?.publish;
  }

  remember(packetId: number, topic: string, body: Uint8Array, publish: Publish): void {
    this.publishes.push({ key: keyOf(packetId, topic, body), publish });
    if (this.publishes.length > limits.rawResends.value) this.publishes.shift();
  }
}

/** What was refused, waited in vain, or was dropped by a takeover is not: its resend is the first. */
function isOrWillBeThere(publish: Publish): boolean {
  if (publish.settled) return publish.code === Code.OK;
  return publish.appends && publish.publisher.accepting;
}

function keyOf(packetId: number, topic: string, body: Uint8Array): string {
  return `${packetId} ${topic} ${createHash('sha256').update(body).digest('base64')}`;
}
