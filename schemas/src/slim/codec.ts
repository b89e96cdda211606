import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/**
 * Protobuf (proto3) in a few hundred lines less than the whole runtime, for bundles: messages are described by short
 * texts instead of descriptors, and can be made, encoded and decoded; nothing else. The same functions and shapes as
 * those of `@bufbuild/protobuf`, with which it is tested.
 */
type Fields = Record<string, unknown>;

interface Unknown {
  no: number;
  wireType: WireType;
  data: Uint8Array;
}

type Plain = Fields & { $typeName: string; $unknown?: Unknown[] };

/** b bytes, s string, u uint32, U uint64, o bool, e enum, d double, m map of strings to bytes, else a message's name. */
interface Field {
  readonly name: string;
  readonly no: number;
  readonly type: string;
  readonly repeated: boolean;
  /** Its presence is told apart from its default value. */
  readonly optional: boolean;
  /** The oneof that it is a case of. */
  readonly oneof: string | undefined;
}

/** A message, as its text describes it: see `scripts/slim.mjs`. */
export class Slim {
  #fields: Field[] | undefined;
  #byNo: Map<number, Field> | undefined;

  constructor(
    readonly typeName: string,
    private readonly text: string,
    readonly find: (name: string) => Slim,
  ) {}

  get fields(): readonly Field[] {
    return (this.#fields ??= this.text === '' ? [] : this.text.split(' ').map(readField));
  }

  field(no: number): Field | undefined {
    this.#byNo ??= new Map(this.fields.map((field) => [field.no, field]));
    return this.#byNo.get(no);
  }
}

/** `name:number type`, with `*` for repeated and `?` for optional behind it, and `oneof/` before it. */
function readField(text: string): Field {
  const [, oneof, name, no, type, mark] = /^(?:(\w+)\/)?(\w+):(\d+)(\w+)([*?]?)$/.exec(text)!;
  return { name, no: Number(no), type, repeated: mark === '*', optional: mark === '?', oneof };
}

const defaults: Record<string, unknown> = { s: '', u: 0, U: 0n, o: false, e: 0, d: 0 };
const scalars = new Set([...Object.keys(defaults), 'b']);

/** A message with these fields, the others at their defaults. */
export function create(schema: Slim, init: Fields = {}): Plain {
  const message = empty(schema);
  for (const { name, type, repeated, oneof } of schema.fields) {
    const given = init[oneof ?? name] as Fields | undefined;
    if (given === undefined || given === null) continue;
    if (!oneof) message[name] = repeated ? (given as unknown as unknown[]).map((one) => made(schema, type, one)) : made(schema, type, given);
    else if (given.case === name) message[oneof] = { case: name, value: made(schema, type, given.value) };
  }
  if (init.$unknown) message.$unknown = init.$unknown as Unknown[];
  return message;
}

function made(schema: Slim, type: string, value: unknown): unknown {
  if (scalars.has(type) || type === 'm' || (value as Plain).$typeName !== undefined) return value;
  return create(schema.find(type), value as Fields);
}

function empty({ typeName, fields }: Slim): Plain {
  const message: Plain = { $typeName: typeName };
  for (const { name, type, repeated, optional, oneof } of fields) {
    if (oneof) message[oneof] ??= { case: undefined };
    else if (repeated) message[name] = [];
    else if (type === 'm') message[name] = {};
    else if (!optional && scalars.has(type)) message[name] = type === 'b' ? new Uint8Array(0) : defaults[type];
  }
  return message;
}

export function toBinary(schema: Slim, message: Fields): Uint8Array {
  const writer = new BinaryWriter();
  write(schema, message as Plain, writer);
  return writer.finish();
}

function write(schema: Slim, message: Plain, writer: BinaryWriter): void {
  for (const field of schema.fields) {
    const { name, type, repeated, optional, oneof } = field;
    let value = message[oneof ?? name];
    if (oneof) value = (value as Fields).case === name ? (value as Fields).value : undefined;
    if (value === undefined || value === null) continue;
    if (repeated) for (const one of value as unknown[]) writeOne(schema, field, one, writer);
    else if (type === 'm') for (const [key, bytes] of Object.entries(value as Record<string, Uint8Array>)) writer.tag(field.no, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(key).tag(2, WireType.LengthDelimited).bytes(bytes).join();
    else if (oneof || optional || !isDefault(type, value)) writeOne(schema, field, value, writer);
  }
  for (const { no, wireType, data } of message.$unknown ?? []) writer.tag(no, wireType).raw(data);
}

function isDefault(type: string, value: unknown): boolean {
  // -0 is not 0, for a double.
  return type === 'b' ? (value as Uint8Array).length === 0 : type === 'U' ? BigInt(value as bigint) === 0n : Object.is(value, defaults[type]);
}

function writeOne(schema: Slim, { no, type }: Field, value: unknown, writer: BinaryWriter): void {
  switch (type) {
    case 'b':
      return void writer.tag(no, WireType.LengthDelimited).bytes(value as Uint8Array);
    case 's':
      return void writer.tag(no, WireType.LengthDelimited).string(value as string);
    case 'u':
      return void writer.tag(no, WireType.Varint).uint32(value as number);
    case 'U':
      return void writer.tag(no, WireType.Varint).uint64(value as bigint);
    case 'o':
      return void writer.tag(no, WireType.Varint).bool(value as boolean);
    case 'e':
      return void writer.tag(no, WireType.Varint).int32(value as number);
    case 'd':
      return void writer.tag(no, WireType.Bit64).double(value as number);
    default:
      writer.tag(no, WireType.LengthDelimited).fork();
      write(schema.find(type), value as Plain, writer);
      writer.join();
  }
}

/** @throws Error when it is not a message of that kind. */
export function fromBinary(schema: Slim, bytes: Uint8Array): Plain {
  const message = empty(schema);
  read(schema, message, new BinaryReader(bytes), bytes.length, 100);
  return message;
}

function read(schema: Slim, message: Plain, reader: BinaryReader, end: number, depth: number): void {
  if (depth === 0) throw new Error(`${schema.typeName} is nested too deep`);
  while (reader.pos < end) {
    const [no, wireType] = reader.tag();
    const field = schema.field(no);
    if (!field) {
      (message.$unknown ??= []).push({ no, wireType, data: reader.skip(wireType, no, depth) });
      continue;
    }
    const { name, type, repeated, oneof } = field;
    if (repeated) (message[name] as unknown[]).push(readOne(schema, type, reader, depth));
    else if (type === 'm') readEntry(message[name] as Record<string, Uint8Array>, reader);
    else if (!oneof) message[name] = readOne(schema, type, reader, depth, message[name]);
    else {
      const before = message[oneof] as Fields;
      message[oneof] = { case: name, value: readOne(schema, type, reader, depth, before.case === name ? before.value : undefined) };
    }
  }
}

/** @param before of a message that comes in pieces */
function readOne(schema: Slim, type: string, reader: BinaryReader, depth: number, before?: unknown): unknown {
  switch (type) {
    case 'b':
      return reader.bytes();
    case 's':
      return reader.string(true);
    case 'u':
      return reader.uint32();
    case 'U':
      return reader.uint64();
    case 'o':
      return reader.bool();
    case 'e':
      return reader.int32();
    case 'd':
      return reader.double();
    default: {
      const inner = schema.find(type);
      const message = (before as Plain | undefined) ?? empty(inner);
      const length = reader.uint32();
      read(inner, message, reader, reader.pos + length, depth - 1);
      return message;
    }
  }
}

function readEntry(map: Record<string, Uint8Array>, reader: BinaryReader): void {
  const length = reader.uint32();
  const end = reader.pos + length;
  let [key, value] = ['', new Uint8Array(0)];
  while (reader.pos < end) {
    const [no, wireType] = reader.tag();
    if (no === 1) key = reader.string(true);
    else if (no === 2) value = reader.bytes() as Uint8Array<ArrayBuffer>;
    else reader.skip(wireType, no);
  }
  // A key may be `__proto__`.
  Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
}
