import {
  create,
  createUlid,
  fromBinary,
  MessageSchema,
  parseDeliveryTopic,
  PresenceSchema,
  ReceiptSchema,
  ResponseSchema,
  ResultSchema,
  toBinary,
  TypingSchema,
  type Message,
  type Presence,
  type Receipt,
  type Response,
  type Result,
  type Typing,
} from 'godwit-schemas';

/** A publish as a device received it, read. */
export type Delivery = { topic: string; payload: Buffer; packetId: number; qos: number; dup: boolean; retain: boolean } & (
  | { kind: 'msg'; value: Message }
  | { kind: 'feed'; value: Message }
  | { kind: 'result'; value: Result }
  | { kind: 'receipt'; value: Receipt }
  | { kind: 'presence'; value: Presence; user: string }
  | { kind: 'typing'; value: Typing }
  | { kind: 'rpc'; value: Response }
  | { kind: 'raw'; value: string; conversation: string; from: string }
  | { kind: 'gap'; value: { conversation: string; from: string; to: string; reason: string } }
);

/** Deliveries of one kind. */
export type Of<K extends Delivery['kind']> = Extract<Delivery, { kind: K }>;

interface Publish {
  topic: string;
  payload: Buffer | string;
  messageId?: number;
  qos: number;
  dup: boolean;
  retain: boolean;
}

/** @throws if it is nothing that Godwit sends */
export function readDelivery(publish: Publish): Delivery {
  const payload = Buffer.from(publish.payload);
  const common = { topic: publish.topic, payload, packetId: publish.messageId ?? 0, qos: publish.qos, dup: publish.dup, retain: publish.retain };
  const topic = parseDeliveryTopic(publish.topic);
  switch (topic?.kind) {
    case 'msg':
      return { ...common, kind: 'msg', value: fromBinary(MessageSchema, payload) };
    case 'feed':
      return { ...common, kind: 'feed', value: fromBinary(MessageSchema, payload) };
    case 'result':
      return { ...common, kind: 'result', value: fromBinary(ResultSchema, payload) };
    case 'receipt':
      return { ...common, kind: 'receipt', value: fromBinary(ReceiptSchema, payload) };
    case 'presence':
      return { ...common, kind: 'presence', value: fromBinary(PresenceSchema, payload), user: topic.user };
    case 'typing':
      return { ...common, kind: 'typing', value: fromBinary(TypingSchema, payload) };
    case 'rpc':
      return { ...common, kind: 'rpc', value: fromBinary(ResponseSchema, payload) };
    case 'raw':
      return { ...common, kind: 'raw', value: payload.toString(), conversation: topic.conversation, from: topic.from };
    case 'gap':
      return { ...common, kind: 'gap', value: JSON.parse(payload.toString()) as Of<'gap'>['value'] };
    default:
      throw new Error(`nothing is delivered on ${publish.topic}`);
  }
}

/** One line for a delivery, where a test fails. */
export function describeDelivery({ kind, value, packetId, dup, qos, topic }: Delivery): string {
  const shown = JSON.stringify(value, (key, it: unknown) => {
    if (key === '$typeName') return undefined;
    if (typeof it === 'bigint') return Number(it);
    return it instanceof Uint8Array ? Buffer.from(it).toString('latin1').slice(0, 60) : it;
  });
  return `${kind} ${topic} qos ${qos} id ${packetId}${dup ? ' DUP' : ''} ${shown}`;
}

/** The body of a message, as text. */
export function bodyOf({ value }: { value: Message }): string {
  return Buffer.from(value.body).toString();
}

/** What the gap of a delivery says; undefined: it is none. */
export function gapOf({ value }: { value: Message }): { from: bigint; to: bigint; reason: number } | undefined {
  const kind = value.event?.kind;
  return kind?.case === 'gap' ? { from: kind.value.from, to: kind.value.to, reason: kind.value.reason } : undefined;
}

/** Rising ids, as an SDK makes them. */
export const newId = createUlid(Date.now);

export type Fields = Partial<Omit<Message, 'body' | '$typeName' | '$unknown'>>;

/** A sender's encoded Message. */
export function encodeMessage(body: string | Uint8Array, fields: Fields = {}): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return Buffer.from(toBinary(MessageSchema, create(MessageSchema, { id: newId(), ...fields, body: bytes })));
}

/**
 * Checks what the design lets a device check of each conversation: every place is the one after the last, or names the
 * last in `after`. Returns the last place by conversation.
 * @param last places as the device knew them before
 */
export function checkPlaces(messages: readonly { value: Message }[], last = new Map<string, bigint>()): Map<string, bigint> {
  for (const { value } of messages) {
    const { conversation, seq, after } = value;
    const before = last.get(conversation) ?? after;
    if (seq <= before) throw new Error(`${conversation}: ${seq} comes after ${before}`);
    if (seq !== before + 1n && after !== before) throw new Error(`${conversation}: between ${before} and ${seq} something is missing (after ${after})`);
    last.set(conversation, seq);
  }
  return last;
}
