import { create, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code } from '../gen/godwit/v1/code_pb.js';
import { ContentSchema, SealedSchema } from '../gen/godwit/v1/content_pb.js';
import { MessageSchema, PresenceSchema, ReadSchema, Reason, ReceiptSchema, ResultSchema, State, TypingSchema } from '../gen/godwit/v1/message_pb.js';
import { controlVectors } from './control-vectors.js';
import { hex, id, sentAtMs, textBody, utf8, vector, type Vector } from './vector.js';

/** A sender's bytes and what the server makes of them. `hex` is the whole delivered Message. */
export interface StampVector extends Vector {
  sender: string;
  from: string;
  fromDevice: string;
  conversation: string;
  seq: number;
  sentAtMs: number;
  after?: number;
}

/** All vectors, by the name of their file. */
export function vectors(): Map<string, Vector[]> {
  return new Map([
    ['message', messageVectors()],
    ['stamp', stampVectors()],
    ['event', eventVectors()],
    ['content', contentVectors()],
    ['result', resultVectors()],
    ['receipt', receiptVectors()],
    ['presence', presenceVectors()],
    ['read', readVectors()],
    ['typing', typingVectors()],
    ['control', controlVectors()],
  ]);
}

function messageVectors(): Vector[] {
  const message = (name: string, value: MessageInitShape<typeof MessageSchema>): Vector => vector(name, MessageSchema, { id, ...value });
  return [
    message('plain text', { body: textBody('hello') }),
    message('text beyond ASCII', { body: textBody('Grüße 🐦') }),
    message('no body', {}),
    message('silent', { body: textBody('👍'), flags: 1 }),
    message('bare', { body: utf8('21.5'), flags: 2 }),
    message('expiring', { body: textBody('gone in an hour'), expiresInS: 3600 }),
    message('with the largest numbers', { expiresInS: 0xffff_ffff, flags: 0xffff_ffff, epoch: BigInt(Number.MAX_SAFE_INTEGER), devicesRevision: 0xffff_ffff }),
    message('commit', { body: Uint8Array.of(0, 1, 2, 255), flags: 4, epoch: 41n }),
    message('with preview and device bodies', {
      deviceBodies: { 'bob:phone': Uint8Array.of(1, 2, 3), 'bob:tablet': Uint8Array.of(4, 5, 6, 7) },
      preview: utf8('sealed preview'),
      devicesRevision: 9,
    }),
  ];
}

function stampVectors(): StampVector[] {
  const direct = { from: 'alice', fromDevice: 'phone', conversation: 'd:alice:bob', seq: 1, sentAtMs };
  const text = { id, body: textBody('hello') };
  return [
    stamp('first message of a conversation', text, direct),
    stamp('to a device, with after', text, { ...direct, seq: 7, after: 4 }),
    stamp('first delivery of a conversation, after its start', text, { ...direct, seq: 2, after: 0 }),
    stamp('by HTTP, without from_device', text, { ...direct, fromDevice: '', seq: 128 }),
    stamp('to a group', { ...text, flags: 1, expiresInS: 60 }, { ...direct, conversation: 'g:birds', seq: 300 }),
    stamp('in a new term, beyond 32 bits', text, { ...direct, seq: 2 ** 32 + 8, after: 7 }),
    stamp('a note to self', text, { ...direct, conversation: 'd:alice:alice', seq: 16_384 }),
    stamp('between users with hostile names', text, { ...direct, from: '__proto__', fromDevice: 'constructor', conversation: 'd:__proto__:constructor', seq: 2 }),
  ];
}

function stamp(name: string, sent: MessageInitShape<typeof MessageSchema>, given: Pick<StampVector, 'from' | 'fromDevice' | 'conversation' | 'seq' | 'sentAtMs' | 'after'>): StampVector {
  const { from, fromDevice, conversation, seq, sentAtMs, after } = given;
  const sender = hex(toBinary(MessageSchema, create(MessageSchema, sent)));
  const server = { from, fromDevice, conversation, seq: BigInt(seq), sentAtMs: BigInt(sentAtMs), after: BigInt(after ?? 0) };
  const whole = vector(name, MessageSchema, { ...sent, ...server });
  // Generated code leaves out an `after` of 0; the server writes it, so that "from the start" is said and not assumed.
  if (after === 0) whole.hex += '800100';
  return { ...whole, sender, ...given };
}

function eventVectors(): Vector[] {
  const message = (name: string, value: MessageInitShape<typeof MessageSchema>): Vector => vector(name, MessageSchema, value);
  const gap = (from: bigint, to: bigint, reason: Reason) => ({
    conversation: 'd:alice:bob', seq: to, event: { kind: { case: 'gap' as const, value: { from, to, reason } } },
  });
  return [
    message('gap of one place that expired', gap(5n, 5n, Reason.EXPIRED)),
    message('gap of places beyond the retention', gap(1n, 1000n, Reason.TRIMMED)),
    message('gap of a lost term, with after', { ...gap(8n, 4_294_967_303n, Reason.LOST), after: 7n }),
    message('a place that was taken back', { conversation: 'd:alice:bob', seq: 9n, sentAtMs: BigInt(sentAtMs), event: { kind: { case: 'erased', value: { seq: 4n } } } }),
    message('a changed group', { conversation: 'g:birds', seq: 3n, sentAtMs: BigInt(sentAtMs), event: { kind: { case: 'group', value: { revision: 2n } } } }),
    message('feed entry for one device', { conversation: 'u:alice', seq: 1n, sentAtMs: BigInt(sentAtMs), event: { kind: { case: 'feed', value: { device: 'phone' } } } }),
    message('feed entry: an invitation into a group', { conversation: 'u:alice', seq: 3n, sentAtMs: BigInt(sentAtMs), event: { kind: { case: 'feed', value: { invite: { group: 'godwits', name: 'Godwits', by: 'bob', token: 'godwits.c2VjcmV0' } } } } }),
    message('feed entry for all devices', { conversation: 'u:alice', seq: 2n, sentAtMs: BigInt(sentAtMs), event: { kind: { case: 'feed', value: {} } } }),
  ];
}

function contentVectors(): Vector[] {
  const target = { from: 'alice', id };
  return [
    vector('text', ContentSchema, { kind: { case: 'text', value: { text: 'hello' } } }),
    vector('empty text', ContentSchema, { kind: { case: 'text', value: {} } }),
    vector('custom', ContentSchema, { kind: { case: 'custom', value: { type: 'application/json', data: utf8('{"a":1}') } } }),
    vector('text with a mention', ContentSchema, { kind: { case: 'text', value: { text: '🐦 @bob, hello', mentions: [{ user: 'bob', start: 3, length: 4 }] } } }),
    vector('a reply', ContentSchema, { kind: { case: 'text', value: { text: 'yes' } }, replyTo: target }),
    vector('media by id', ContentSchema, {
      kind: {
        case: 'media',
        value: {
          source: { case: 'id', value: 'm-1' }, mediaType: 'video/mp4', size: 5_000_000_000n, width: 1920, height: 1080, durationMs: 61_500,
          name: 'birds.mp4', caption: 'Zugvögel', thumbnail: Uint8Array.of(255, 216), key: Uint8Array.of(1, 2), digest: Uint8Array.of(3, 4),
        },
      },
    }),
    vector('media by URL', ContentSchema, { kind: { case: 'media', value: { source: { case: 'url', value: 'https://example.org/a.png' }, mediaType: 'image/png' } } }),
    vector('location', ContentSchema, { kind: { case: 'location', value: { latitude: 52.5163, longitude: -13.3777, accuracyM: 12.5, label: 'the gate' } } }),
    vector('contact', ContentSchema, { kind: { case: 'contact', value: { user: 'carol', name: 'Carol', phones: ['+49 30 123456', '112'] } } }),
    vector('reaction', ContentSchema, { kind: { case: 'reaction', value: { target, emoji: '👍🏽' } } }),
    vector('reaction taken back', ContentSchema, { kind: { case: 'reaction', value: { target, emoji: '👍🏽', remove: true } } }),
    vector('edit to a text', ContentSchema, { kind: { case: 'edit', value: { target, content: { case: 'text', value: { text: 'hello!' } } } } }),
    vector('edit to bytes of the app', ContentSchema, { kind: { case: 'edit', value: { target, content: { case: 'custom', value: { data: Uint8Array.of(0, 1) } } } } }),
    vector('deletion', ContentSchema, { kind: { case: 'deletion', value: { target } } }),
    vector('a kind that is not known', ContentSchema, {}),
    vector('body in the clear', SealedSchema, { payload: Uint8Array.of(10, 2, 10, 0) }),
    vector('body deflated', SealedSchema, { payload: Uint8Array.of(227, 98, 226, 98, 0, 0), compression: 1 }),
    vector('body encrypted', SealedSchema, { alg: 1, keyEpoch: 300n, payload: Uint8Array.of(255, 0, 128) }),
  ];
}

function resultVectors(): Vector[] {
  return [
    vector('accepted', ResultSchema, { id, seq: 7n, sentAtMs: BigInt(sentAtMs) }),
    vector('accepted, raw', ResultSchema, { seq: 7n, sentAtMs: BigInt(sentAtMs), packetId: 65_535 }),
    vector('refused for good', ResultSchema, { id, code: Code.UNKNOWN_USER, text: 'there is no such user' }),
    vector('refused, again after a time', ResultSchema, { id, code: Code.RATE_LIMITED, text: 'too much in this time', retryAfterMs: 1500 }),
    vector('refused, no id could be read', ResultSchema, { code: Code.MALFORMED, text: 'no id', packetId: 12 }),
    vector('refused with detail', ResultSchema, { id, code: Code.DEVICES_CHANGED, detail: Uint8Array.of(1, 2) }),
    vector('the connection ends', ResultSchema, { code: Code.TAKEN_OVER, text: 'the same device connected again' }),
  ];
}

function receiptVectors(): Vector[] {
  return [
    vector('delivered', ReceiptSchema, { conversation: 'd:alice:bob', delivered: 7n, atMs: BigInt(sentAtMs) }),
    vector('delivered and read', ReceiptSchema, { conversation: 'd:alice:bob', delivered: 9n, read: 7n, atMs: BigInt(sentAtMs) }),
    vector('own read cursor', ReceiptSchema, { conversation: 'g:birds', ownRead: 4_294_967_304n, atMs: BigInt(sentAtMs) }),
  ];
}

function presenceVectors(): Vector[] {
  return [
    vector('offline', PresenceSchema, { state: State.OFFLINE, lastSeenMs: BigInt(sentAtMs) }),
    vector('online', PresenceSchema, { state: State.ONLINE, lastSeenMs: BigInt(sentAtMs) }),
    vector('away', PresenceSchema, { state: State.AWAY, lastSeenMs: BigInt(sentAtMs) }),
    vector('as a device says it', PresenceSchema, { state: State.ONLINE }),
    vector('never seen', PresenceSchema, {}),
  ];
}

function readVectors(): Vector[] {
  return [vector('up to 7', ReadSchema, { seq: 7n }), vector('beyond 32 bits', ReadSchema, { seq: 4_294_967_304n }), vector('nothing', ReadSchema, {})];
}

function typingVectors(): Vector[] {
  return [
    vector('one-to-one', TypingSchema, { conversation: 'd:alice:bob', from: 'alice' }),
    vector('group', TypingSchema, { conversation: 'g:birds', from: 'alice' }),
  ];
}
