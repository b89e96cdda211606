import { create, toBinary, toJson } from '@bufbuild/protobuf';
import type { DescMessage, JsonValue, MessageInitShape } from '@bufbuild/protobuf';
import { getTextEncoding } from '@bufbuild/protobuf/wire';
import { ContentSchema, SealedSchema } from '../gen/godwit/v1/content_pb.js';
import { parseUlid } from '../ulid.js';

/** Golden bytes: what a value looks like on the wire. */
export interface Vector {
  name: string;
  /** Full name of the protobuf message. */
  type: string;
  hex: string;
  /** The value as ProtoJSON. */
  json: JsonValue;
}

/** The id and the time in all vectors. */
export const id = parseUlid('01M81RNZGETSQ0RDT3Q2XBHQ3Z')!;
export const sentAtMs = 1_795_355_770_380;

export function utf8(text: string): Uint8Array {
  return getTextEncoding().encodeUtf8(text);
}

export function vector<D extends DescMessage>(name: string, schema: D, value: MessageInitShape<D>): Vector {
  const message = create(schema, value);
  return { name, type: schema.typeName, hex: hex(toBinary(schema, message)), json: toJson(schema, message) };
}

/** An unencrypted body as the SDK writes it. */
export function textBody(text: string): Uint8Array {
  const content = create(ContentSchema, { kind: { case: 'text', value: { text } } });
  return toBinary(SealedSchema, create(SealedSchema, { payload: toBinary(ContentSchema, content) }));
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
