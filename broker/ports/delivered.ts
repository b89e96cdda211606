import { create, deviceBody, EventSchema, fromBinary, GapSchema, MessageSchema, toBinary, type Reason } from 'godwit-schemas';
import type { Entry } from './conversation-log.js';

/** The entry as this one device is given it, its own body in place of the common one; undefined: as it lies in the log. */
export function messageForDevice(entry: Entry, clientId: string): Uint8Array | undefined {
  const body = entry.aux && deviceBody(entry.aux, clientId);
  if (!body) return undefined;
  const message = fromBinary(MessageSchema, entry.buffer.subarray(entry.start, entry.end));
  message.body = body;
  return toBinary(MessageSchema, message);
}

/** A gap as Message: its seq is the last place that it covers. */
export function gapMessage(conversation: string, from: number, to: number, reason: Reason, after: number, nowMs: number): Uint8Array {
  return toBinary(
    MessageSchema,
    create(MessageSchema, {
      conversation,
      seq: BigInt(to),
      sentAtMs: BigInt(nowMs),
      after: BigInt(after),
      event: create(EventSchema, { kind: { case: 'gap', value: create(GapSchema, { from: BigInt(from), to: BigInt(to), reason }) } }),
    }),
  );
}
