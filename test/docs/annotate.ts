import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { ContentSchema, MessageSchema, parseDeliveryTopic, ReceiptSchema, ResultSchema, SealedSchema, ulidToString } from 'godwit-schemas';
import type { Frame } from './tap.js';

/** Bytes, and what they mean. */
type Line = readonly [bytes: Uint8Array, note: string];

/** Of bytes: a ULID with its tag and length is 18. */
const COLUMNS = 18;

/** A packet as a person reads it: its bytes in hex, and beside them what they mean. */
export function annotate({ sender, receiver, bytes }: Frame): string {
  const rows = packet(bytes).flatMap(([part, note]) => hexRows(part).map((hex, row) => `${hex.padEnd(COLUMNS * 3)} ${row === 0 ? note : ''}`.trimEnd()));
  return [`${sender} → ${receiver}`, ...rows].join('\n');
}

/** Rows of hex; of what is long, such as a token, the beginning and the end. */
function hexRows(bytes: Uint8Array): string[] {
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
  if (hex.length > 4 * COLUMNS) return [[...hex.slice(0, 10), '…', ...hex.slice(-4)].join(' ')];
  return Array.from({ length: Math.ceil(hex.length / COLUMNS) }, (_, row) => hex.slice(row * COLUMNS, (row + 1) * COLUMNS).join(' '));
}

/** The lines of a packet: together they are all of its bytes. */
function packet(bytes: Buffer): Line[] {
  const [{ end }, remaining] = varint(bytes, 1);
  const header = (name: string): Line => [bytes.subarray(0, end), `${name}, ${remaining} bytes follow`];
  switch (bytes[0] >> 4) {
    case 1:
      return [header('CONNECT'), ...connect(bytes, end)];
    case 2:
      return [[bytes, `CONNACK: ${bytes[2] === 1 ? 'session present' : 'no session yet'}, return code ${bytes[3]}`]];
    case 3:
      return publish(bytes, end, remaining);
    case 4:
      return [[bytes, `PUBACK of packet ${bytes.readUInt16BE(2)}`]];
    case 8:
      return [header('SUBSCRIBE'), [bytes.subarray(2, 4), `packet id ${bytes.readUInt16BE(2)}`], text(bytes, 4, 'filter'), [bytes.subarray(-1), `QoS ${bytes.at(-1)}`]];
    case 9:
      return [[bytes, `SUBACK of packet ${bytes.readUInt16BE(2)}: granted QoS ${bytes[4]}`]];
    default:
      throw new Error(`packets of type ${bytes[0] >> 4} have no place in this exchange`);
  }
}

function connect(bytes: Buffer, start: number): Line[] {
  const lines: Line[] = [
    [bytes.subarray(start, start + 7), '"MQTT", protocol level 4'],
    [bytes.subarray(start + 7, start + 8), 'username and password; clean session off'],
    [bytes.subarray(start + 8, start + 10), `keepalive ${bytes.readUInt16BE(start + 8)} s`],
  ];
  let at = start + 10;
  for (const name of ['client id', 'username']) {
    lines.push(text(bytes, at, name));
    at += 2 + bytes.readUInt16BE(at);
  }
  return [...lines, [bytes.subarray(at), `password: the token, ${bytes.length - at - 2} bytes`]];
}

function publish(bytes: Buffer, start: number, remaining: number): Line[] {
  const qos = (bytes[0] >> 1) & 3;
  const topic = text(bytes, start, 'topic');
  const afterTopic = start + topic[0].length;
  const payload = afterTopic + (qos > 0 ? 2 : 0);
  return [
    [bytes.subarray(0, start), `PUBLISH at QoS ${qos}, ${remaining} bytes follow`],
    topic,
    ...(qos > 0 ? [[bytes.subarray(afterTopic, payload), `packet id ${bytes.readUInt16BE(afterTopic)}`] as const] : []),
    ...fields(bytes.subarray(payload), payloadOf(bytes.toString('utf8', start + 2, afterTopic)), ''),
  ];
}

function payloadOf(topic: string): DescMessage {
  switch (parseDeliveryTopic(topic)?.kind) {
    case 'result':
      return ResultSchema;
    case 'receipt':
      return ReceiptSchema;
    default:
      return MessageSchema;
  }
}

/** What lies in a field of bytes: of a body only the SDKs know. */
const inside = new Map<string, DescMessage>([
  ['godwit.v1.Message.body', SealedSchema],
  ['godwit.v1.Sealed.payload', ContentSchema],
]);

function fields(bytes: Buffer, desc: DescMessage, indent: string): Line[] {
  const lines: Line[] = [];
  for (let start = 0; start < bytes.length; ) {
    const [{ end: afterTag }, tag] = varint(bytes, start);
    const [{ end: afterNumber }, number] = varint(bytes, afterTag);
    const field = desc.fields.find((one) => one.number === tag >> 3)!;
    const label = `${indent}${field.number} ${field.name}`;
    const nested = field.message ?? inside.get(`${desc.typeName}.${field.name}`);
    if ((tag & 7) === 0) {
      lines.push([bytes.subarray(start, afterNumber), `${label}: ${number}`]);
      start = afterNumber;
    } else if (nested) {
      const end = afterNumber + number;
      lines.push([bytes.subarray(start, afterNumber), `${label}: ${nested.name}, ${number} bytes`], ...fields(bytes.subarray(afterNumber, end), nested, `${indent}  `));
      start = end;
    } else {
      const end = afterNumber + number;
      lines.push([bytes.subarray(start, end), `${label}: ${shown(field, bytes.subarray(afterNumber, end))}`]);
      start = end;
    }
  }
  return lines;
}

function shown({ name }: DescField, value: Buffer): string {
  return name === 'id' ? `the ULID ${ulidToString(value)}` : JSON.stringify(value.toString());
}

function text(bytes: Buffer, at: number, name: string): Line {
  const end = at + 2 + bytes.readUInt16BE(at);
  return [bytes.subarray(at, end), `${name} ${JSON.stringify(bytes.toString('utf8', at + 2, end))}`];
}

/** A number in groups of seven bits, as MQTT writes lengths and protobuf writes all numbers. */
function varint(bytes: Buffer, start: number): [{ end: number }, number] {
  let value = 0;
  for (let at = start, scale = 1; ; at++, scale *= 128) {
    value += (bytes[at] & 127) * scale;
    if (bytes[at] < 128) return [{ end: at + 1 }, value];
  }
}
