import { Code, create, isRetry, ResultSchema, toBinary, varintSize, writeVarint } from 'godwit-schemas';
import { copyBytes, headerSize, PUBLISH_QOS0, writeHeader, writePuback } from '../mqtt/frames.js';
import type { Output } from '../mqtt/output.js';
import type { Refusal } from '../ports/plugin.js';
import type { Publish } from './publish.js';
import { writePayload } from './delivery-frames.js';

/** Writes the Result of an accepted publish: `{id, seq, sent_at_ms}`, and the packet id where the sender knows no id. */
export function writeAccepted(output: Output, topic: Buffer, publish: Publish): void {
  const { id, seq, sentAtMs, packetId, raw } = publish;
  const payload = 2 + id.length + 1 + varintSize(seq) + 1 + varintSize(sentAtMs) + (raw ? 1 + varintSize(packetId) : 0);
  const remaining = topic.length + payload;
  const target = output.reserve(headerSize(remaining) + remaining);
  let at = writeHeader(target, output.offset, PUBLISH_QOS0, remaining);
  at = copyBytes(target, at, topic, 0, topic.length);
  target[at++] = 0x0a;
  target[at++] = id.length;
  at = copyBytes(target, at, id, 0, id.length);
  target[at++] = 0x10;
  at = writeVarint(target, at, seq);
  target[at++] = 0x18;
  at = writeVarint(target, at, sentAtMs);
  if (raw) {
    target[at++] = 0x38;
    at = writeVarint(target, at, packetId);
  }
  output.commit(at);
}

export function writeRefused(output: Output, topic: Buffer, refusal: Refusal, id: Uint8Array, packetId: number): void {
  writePayload(output, topic, encodeRefusal(refusal, id, packetId), 0);
}

export function encodeRefusal(refusal: Refusal, id: Uint8Array, packetId: number): Uint8Array {
  return toBinary(
    ResultSchema,
    create(ResultSchema, { id, code: refusal.code, text: refusal.text, retryAfterMs: retryAfter(refusal), packetId: id.length === 0 ? packetId : 0, detail: refusal.detail ?? new Uint8Array(0) }),
  );
}

/** Milliseconds, for codes that are worth a retry. */
function retryAfter(refusal: Refusal): number {
  return isRetry(refusal.code) ? Math.ceil(refusal.retryAfterMs ?? 1_000) : 0;
}

export function acknowledge(output: Output, packetId: number): void {
  const target = output.reserve(4);
  output.commit(writePuback(target, output.offset, packetId));
}

/** What a refusal by the log itself says. */
export function logRefusal(code: Code): Refusal {
  switch (code) {
    case Code.EPOCH_CONFLICT:
      return { code, text: 'the commit was made in another epoch than the conversation is in' };
    case Code.STORAGE_FULL:
      return { code, text: 'the server has no room; try again later', retryAfterMs: 5_000 };
    case Code.NOT_ALLOWED:
    case Code.UNKNOWN_CONVERSATION:
      // Whoever is not in a group is told so by one code, whether its route or its log refuses.
      return { code: Code.UNKNOWN_CONVERSATION, text: 'there is no such group of yours' };
    default:
      return { code, text: 'the message could not be stored; try again', retryAfterMs: 1_000 };
  }
}
