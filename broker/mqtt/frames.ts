/** MQTT 3.1.1 frames that the broker writes itself, straight into a buffer that leaves in one socket write. */

/** First byte of a PUBLISH at QoS 0 and 1 (MQTT-3.3.1). */
export const PUBLISH_QOS0 = 0x30;
export const PUBLISH_QOS1 = 0x32;
export const DUP = 0x08;
export const RETAIN = 0x01;

/** Bytes of the fixed header for a remaining length (MQTT-2.2.3). */
export function headerSize(remaining: number): number {
  return remaining < 128 ? 2 : remaining < 16_384 ? 3 : remaining < 2_097_152 ? 4 : 5;
}

/** Writes first byte and remaining length; returns the offset behind them. */
export function writeHeader(target: Uint8Array, offset: number, first: number, remaining: number): number {
  target[offset++] = first;
  while (remaining > 127) {
    target[offset++] = (remaining & 127) | 128;
    remaining >>>= 7;
  }
  target[offset++] = remaining;
  return offset;
}

/** A topic with its length before it, as it stands in a PUBLISH. */
export function topicField(topic: string): Buffer {
  const length = Buffer.byteLength(topic);
  const field = Buffer.allocUnsafe(2 + length);
  field.writeUInt16BE(length, 0);
  field.write(topic, 2);
  return field;
}

export function writePuback(target: Uint8Array, offset: number, packetId: number): number {
  target[offset] = 0x40;
  target[offset + 1] = 2;
  target[offset + 2] = packetId >>> 8;
  target[offset + 3] = packetId & 255;
  return offset + 4;
}

/** Copies [start, end) of `source`; a plain loop below the size where the native call pays. */
export function copyBytes(target: Uint8Array, offset: number, source: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > 64) {
    if (source instanceof Buffer) source.copy(target, offset, start, end);
    else target.set(source.subarray(start, end), offset);
  } else {
    for (let i = 0; i < length; i++) target[offset + i] = source[start + i];
  }
  return offset + length;
}
