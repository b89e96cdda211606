import { afterSize, create, deliveryTopics, deviceBody, Envelope, GapSchema, readEnvelope, toJson, writeAfter, type Reason } from 'godwit-schemas';
import { copyBytes, DUP, headerSize, PUBLISH_QOS1, PUBLISH_QOS0, RETAIN, topicField, writeHeader } from '../mqtt/frames.js';
import type { Output } from '../mqtt/output.js';
import type { Entry } from '../ports/conversation-log.js';

const envelope = new Envelope();

/**
 * Writes a log entry as PUBLISH: the entry's bytes as they lie in the log, and `after` behind them where the device
 * needs it. Packet id 0: QoS 0. Returns the bytes of the frame.
 */
export function writeMessage(output: Output, topic: Buffer, entry: Entry, packetId: number, after: number | undefined, dup: boolean): number {
  return writePublish(output, topic, entry.buffer, entry.start, entry.end, packetId, after, dup ? DUP : 0);
}

/** Writes any payload as PUBLISH. */
export function writePayload(output: Output, topic: Buffer, payload: Uint8Array, packetId: number, dup = false, retain = false): number {
  return writePublish(output, topic, payload, 0, payload.length, packetId, undefined, (dup ? DUP : 0) | (retain ? RETAIN : 0));
}

function writePublish(output: Output, topic: Buffer, payload: Uint8Array, start: number, end: number, packetId: number, after: number | undefined, flags: number): number {
  const remaining = topic.length + (packetId ? 2 : 0) + end - start + (after === undefined ? 0 : afterLength(after));
  const bytes = headerSize(remaining) + remaining;
  const target = output.reserve(bytes);
  let at = writeHeader(target, output.offset, (packetId ? PUBLISH_QOS1 : PUBLISH_QOS0) | flags, remaining);
  at = copyBytes(target, at, topic, 0, topic.length);
  if (packetId) {
    target[at++] = packetId >>> 8;
    target[at++] = packetId & 255;
  }
  at = copyBytes(target, at, payload, start, end);
  if (after !== undefined) at = writeAfter(target, at, after);
  output.commit(at);
  return bytes;
}

const scratch = new Uint8Array(afterSize);

function afterLength(after: number): number {
  return writeAfter(scratch, 0, after);
}

/** A gap for plain devices: `{"conversation":…,"from":"3","to":"5","reason":"EXPIRED"}`. */
export function gapJson(conversation: string, from: number, to: number, reason: Reason): Uint8Array {
  const gap = toJson(GapSchema, create(GapSchema, { from: BigInt(from), to: BigInt(to), reason })) as object;
  return Buffer.from(JSON.stringify({ conversation, ...gap }));
}

/** Who wrote an entry, and its body alone: what a plain device is given. */
export function rawOf(entry: Entry, clientId: string): { from: string; body: Uint8Array } {
  const { buffer, stamp } = entry;
  const from = buffer[stamp] === 0x52 ? buffer.toString('latin1', stamp + 2, stamp + 2 + buffer[stamp + 1]) : '';
  const own = entry.aux && deviceBody(entry.aux, clientId);
  if (own) return { from, body: own };
  if (!readEnvelope(buffer, entry.start, stamp, envelope) || envelope.bodyStart < 0) return { from, body: Buffer.alloc(0) };
  return { from, body: buffer.subarray(envelope.bodyStart, envelope.bodyEnd) };
}

/** The topics of one user's deliveries, as they stand in a PUBLISH. */
export class DeliveryTopics {
  readonly msg: Buffer;
  readonly feed: Buffer;
  readonly gap: Buffer;
  readonly result: Buffer;

  constructor(user: string) {
    this.msg = topicField(deliveryTopics.msg(user));
    this.feed = topicField(deliveryTopics.feed(user));
    this.gap = topicField(deliveryTopics.gap(user));
    this.result = topicField(deliveryTopics.result(user));
  }
}

