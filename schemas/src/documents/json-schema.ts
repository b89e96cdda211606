import { ScalarType } from '@bufbuild/protobuf';
import type { DescEnum, DescField, DescMessage, Registry } from '@bufbuild/protobuf';

export type JsonObject = { [key: string]: unknown };

/**
 * The ProtoJSON form (protobuf.dev/programming-guides/json) of messages as JSON Schema, draft 7 and 2020-12 alike.
 * Nothing is required: ProtoJSON leaves out what has its default value.
 */
export class JsonSchemas {
  readonly #found = new Map<string, JsonObject>();

  /**
   * @param registry descriptors made with source information, from which the comments of the .proto files come.
   * @param at where the schemas stand in the document, `#/components/schemas/`.
   */
  constructor(
    private readonly registry: Registry,
    private readonly at: string,
  ) {}

  /** A reference to the schema of a message; with it come the schemas of all messages and enums inside it. */
  ref(typeName: string): { $ref: string } {
    const message = this.registry.getMessage(typeName);
    if (!message) throw new Error(`no message ${typeName}`);
    return this.#refTo(message);
  }

  /** All schemas that were referred to, sorted by name. */
  all(): JsonObject {
    return Object.fromEntries([...this.#found].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #refTo(desc: DescMessage | DescEnum): { $ref: string } {
    if (!this.#found.has(desc.name)) {
      // Its place is taken first: a message may hold itself.
      this.#found.set(desc.name, {});
      this.#found.set(desc.name, desc.kind === 'enum' ? enumSchema(desc) : this.#messageSchema(desc));
    }
    return { $ref: this.at + desc.name };
  }

  #messageSchema(message: DescMessage): JsonObject {
    const properties: JsonObject = {};
    for (const field of message.fields) {
      const text = comment(field);
      // In a Message the fields from 10 on are the server's.
      const readOnly = message.typeName === 'godwit.v1.Message' && field.number >= 10;
      const schema = this.#fieldSchema(field);
      properties[field.jsonName] = {
        ...('$ref' in schema && (text || readOnly) ? { allOf: [schema] } : schema),
        ...(text && { description: text }),
        ...(readOnly && { readOnly }),
      };
    }
    const text = comment(message);
    const oneof = message.oneofs.length === 1 && message.oneofs[0].fields.length === message.fields.length;
    return { title: message.typeName, ...(text && { description: text }), type: 'object', properties, ...(oneof && { maxProperties: 1 }), additionalProperties: false };
  }

  #fieldSchema(field: DescField): JsonObject {
    switch (field.fieldKind) {
      case 'scalar':
        return scalarSchema(field.scalar);
      case 'message':
        return this.#refTo(field.message);
      case 'enum':
        return this.#refTo(field.enum);
      case 'list':
        return { type: 'array', items: field.listKind === 'scalar' ? scalarSchema(field.scalar) : this.#refTo(field.listKind === 'enum' ? field.enum : field.message) };
      case 'map':
        if (field.mapKind !== 'scalar') throw new Error(`maps of ${field.mapKind} are not in use: ${field.name}`);
        return { type: 'object', additionalProperties: scalarSchema(field.scalar) };
    }
  }
}

function enumSchema(desc: DescEnum): JsonObject {
  const meanings = desc.values.flatMap((value) => (comment(value) ? `${value.name}: ${comment(value)}` : []));
  const text = [comment(desc), ...meanings].filter((line) => line !== '').join('\n\n');
  return { title: desc.typeName, ...(text && { description: text }), type: 'string', enum: desc.values.map((value) => value.name) };
}

function scalarSchema(scalar: ScalarType): JsonObject {
  switch (scalar) {
    case ScalarType.STRING:
      return { type: 'string' };
    case ScalarType.BYTES:
      return { type: 'string', contentEncoding: 'base64' };
    case ScalarType.BOOL:
      return { type: 'boolean' };
    case ScalarType.UINT32:
      return { type: 'integer', minimum: 0, maximum: 4_294_967_295 };
    case ScalarType.UINT64:
      return { type: 'string', format: 'uint64', pattern: '^[0-9]{1,20}$' };
    default:
      throw new Error(`scalars of type ${ScalarType[scalar]} are not in use`);
  }
}

type Commented = DescMessage | DescEnum | DescField | DescEnum['values'][number];

/** The comment before or behind a definition in its .proto file, in one line; empty when there is none. */
export function comment(desc: Commented): string {
  const path = pathOf(desc).join();
  const file = desc.kind === 'field' || desc.kind === 'enum_value' ? desc.parent.file : desc.file;
  const location = file.proto.sourceCodeInfo?.location.find((candidate) => candidate.path.join() === path);
  return (location?.leadingComments || location?.trailingComments || '').replace(/\s+/g, ' ').trim();
}

/** Where a definition stands in its FileDescriptorProto (descriptor.proto, SourceCodeInfo): field numbers and indexes. */
function pathOf(desc: Commented): number[] {
  switch (desc.kind) {
    case 'message':
      return [4, desc.file.messages.indexOf(desc)];
    case 'enum':
      return [5, desc.file.enums.indexOf(desc)];
    case 'field':
      return [...pathOf(desc.parent), 2, desc.parent.fields.indexOf(desc)];
    case 'enum_value':
      return [...pathOf(desc.parent), 2, desc.parent.values.indexOf(desc)];
  }
}
