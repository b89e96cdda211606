// Writes src/gen/slim.ts: what bundles know of the messages, a short text for each, and of the methods.
import { ScalarType } from '@bufbuild/protobuf';

const scalars = new Map([
  [ScalarType.BYTES, 'b'],
  [ScalarType.STRING, 's'],
  [ScalarType.UINT32, 'u'],
  [ScalarType.UINT64, 'U'],
  [ScalarType.BOOL, 'o'],
  [ScalarType.DOUBLE, 'd'],
]);

/** Messages that only a server and its operator need. */
const left = (name) => name.startsWith('Admin');

/** @returns the text of src/gen/slim.ts */
export function slim(registry, methods) {
  const messages = [...registry].filter(({ kind, file, name }) => kind === 'message' && file.proto.package === 'godwit.v1' && !left(name) && !name.includes('Entry'));
  const texts = messages.map((message) => `  ${message.name}: ${JSON.stringify(fieldsOf(message))},`);
  const schemas = messages.map(({ name }) => `export const ${name}Schema = /* @__PURE__ */ find('${name}');`);
  const calls = Object.entries(methods).filter(([, { who }]) => who === 'user');
  const rows = calls.map(([name, { request, response }]) => `  '${name}': ['${request.name}', '${response.name}'],`);
  return [
    '// Generated from proto/ and the table of methods by scripts/generate.mjs: do not edit.',
    "import { Slim } from '../slim/codec.js';",
    '',
    'const texts: Record<string, string> = {',
    ...texts,
    '};',
    'const found = new Map<string, Slim>();',
    '',
    'export function find(name: string): Slim {',
    '  let one = found.get(name);',
    '  if (!one) found.set(name, (one = new Slim(`godwit.v1.${name}`, texts[name], find)));',
    '  return one;',
    '}',
    '',
    ...schemas,
    '',
    '/** Request and response of every control call of users. */',
    'export const calls: Record<string, readonly [request: string, response: string]> = {',
    ...rows,
    '};',
    '',
  ].join('\n');
}

function fieldsOf(message) {
  return [...message.fields].sort((a, b) => a.number - b.number).map(fieldOf).join(' ');
}

function fieldOf(field) {
  const oneof = field.oneof && !field.oneof.name.startsWith('_') ? `${field.oneof.localName}/` : '';
  const optional = field.presence === 1 && field.fieldKind !== 'message' && oneof === '' ? '?' : '';
  return `${oneof}${field.localName}:${field.number}${typeOf(field)}${field.fieldKind === 'list' ? '*' : optional}`;
}

function typeOf(field) {
  if (field.fieldKind === 'map') {
    if (field.mapKey === ScalarType.STRING && field.mapKind === 'scalar' && field.scalar === ScalarType.BYTES) return 'm';
  } else if (field.fieldKind === 'list') {
    if (field.listKind === 'message') return field.message.name;
    // Numbers would be packed.
    if (field.listKind === 'scalar' && [ScalarType.STRING, ScalarType.BYTES].includes(field.scalar)) return scalars.get(field.scalar);
  } else if (field.fieldKind === 'message') return field.message.name;
  else if (field.fieldKind === 'enum') return 'e';
  else if (scalars.has(field.scalar)) return scalars.get(field.scalar);
  throw new Error(`${field}: the slim codec has no such field yet`);
}
