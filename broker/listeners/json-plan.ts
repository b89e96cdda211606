import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';

export const enum Kind {
  /** Nothing that an answer holds so far: whoever meets it leaves the whole to the runtime. */
  Other,
  Uint32,
  Uint64,
  Bool,
  Enum,
  String,
  Bytes,
  Message,
}

/** One field as it is read and written. */
export interface FieldPlan {
  readonly tag: number;
  readonly kind: Kind;
  readonly repeated: boolean;
  /** Written also where it holds the zero value. */
  readonly explicit: boolean;
  /** The other fields of its oneof, by index: what comes later takes their place. */
  readonly rivals: readonly number[];
  /** `"name":` */
  readonly key: Buffer;
  /** `"NAME"` by number. */
  readonly names: ReadonlyMap<number, Buffer>;
  readonly message: MessagePlan | undefined;
}

/** A message type, its fields in the order of their numbers, which is the order of ProtoJSON. */
export interface MessagePlan {
  readonly fields: FieldPlan[];
  /** Index of the field with this number; undefined: unknown, passed over. */
  readonly byNumber: (number | undefined)[];
}

const IMPLICIT = 2;
const plans = new WeakMap<DescMessage, MessagePlan>();

export function planOf(schema: DescMessage): MessagePlan {
  const known = plans.get(schema);
  if (known) return known;
  const plan: MessagePlan = { fields: [], byNumber: [] };
  // Before its fields: a type may hold itself.
  plans.set(schema, plan);
  const sorted = [...schema.fields].sort((a, b) => a.number - b.number);
  for (const [index, field] of sorted.entries()) {
    plan.byNumber[field.number] = index;
    plan.fields.push(planField(field, sorted));
  }
  return plan;
}

function planField(field: DescField, all: readonly DescField[]): FieldPlan {
  const kind = kindOf(field);
  const oneof = field.oneof;
  return {
    tag: (field.number << 3) | (kind >= Kind.String ? 2 : 0),
    kind,
    repeated: field.fieldKind === 'list',
    explicit: oneof !== undefined || field.presence !== IMPLICIT,
    rivals: oneof ? all.flatMap((other, index) => (other.oneof === oneof && other !== field ? [index] : [])) : [],
    key: Buffer.from(`${JSON.stringify(field.jsonName)}:`),
    names: new Map(kind === Kind.Enum ? field.enum!.values.map(({ number, name }) => [number, Buffer.from(JSON.stringify(name))]) : []),
    message: kind === Kind.Message ? planOf(field.message!) : undefined,
  };
}

function kindOf(field: DescField): Kind {
  if (field.fieldKind === 'map') return Kind.Other;
  const type = field.fieldKind === 'list' ? field.listKind : field.fieldKind;
  if (type === 'message') return field.message!.typeName.startsWith('google.') || ('delimitedEncoding' in field && field.delimitedEncoding) ? Kind.Other : Kind.Message;
  if (type === 'enum') return field.fieldKind === 'list' ? Kind.Other : Kind.Enum;
  switch (field.scalar) {
    case ScalarType.STRING:
      return Kind.String;
    case ScalarType.BYTES:
      return Kind.Bytes;
    // Numbers may be packed into one field.
    case ScalarType.UINT32:
      return field.fieldKind === 'list' ? Kind.Other : Kind.Uint32;
    case ScalarType.UINT64:
      return field.fieldKind === 'list' ? Kind.Other : Kind.Uint64;
    case ScalarType.BOOL:
      return field.fieldKind === 'list' ? Kind.Other : Kind.Bool;
    default:
      return Kind.Other;
  }
}
