import { fromJsonString, type DescMessage, type MessageShape } from '@bufbuild/protobuf';

/**
 * Reads a message from ProtoJSON. Unknown and repeated keys are errors.
 * @throws SyntaxError whose message says where and what is wrong, and repeats no value
 */
export function readProtoJson<Desc extends DescMessage>(schema: Desc, text: string): MessageShape<Desc> {
  try {
    return fromJsonString(schema, text);
  } catch (error) {
    const at = jsonErrorAt(text);
    if (at !== undefined) throw new SyntaxError(`not JSON: ${position(text, at)}`, { cause: error });
    throw new SyntaxError(withoutValue(error as Error), { cause: error });
  }
}

const WHAT_IS_WRONG = /^cannot decode (?:field |message |oneof )?([\w.]+) from JSON(?:: (key "[^"]{0,64}|duplicate object key "[^"]{0,64}|set multiple times|expected \w+(?: \(\w+\))?))?/;

/** protobuf's errors quote the value that was wrong; only what was expected, or the name of the key, may be told. */
function withoutValue({ message }: Error): string {
  const [, name, what] = WHAT_IS_WRONG.exec(message) ?? [];
  if (what?.startsWith('key')) return `${name}: ${what}" is unknown`;
  if (what?.startsWith('duplicate')) return `${name}: ${what}"`;
  return `${name ?? 'the message'}: ${what ?? 'something else was expected'}`;
}

function position(text: string, at: number): string {
  const before = text.slice(0, at).split('\n');
  const where = `line ${before.length}, column ${before[before.length - 1].length + 1}`;
  return at === text.length ? `it ends too early, at ${where}` : `unexpected character at ${where}`;
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/**
 * Where a text stops being JSON (RFC 8259); undefined: it is JSON. `JSON.parse` knows too, but says it differently in
 * every version of Node, and quotes the text. An unclosed string or a half word is told at its beginning.
 */
export function jsonErrorAt(text: string): number | undefined {
  let at = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found !== null;
  };
  const sign = (wanted: string): boolean => {
    skip(SPACE);
    if (text[at] !== wanted) return false;
    at++;
    return true;
  };
  const key = (): boolean => {
    skip(SPACE);
    return skip(STRING) && sign(':');
  };
  /** The closing signs of what is open, the innermost last. */
  const open: string[] = [];
  for (;;) {
    if (sign('{')) {
      if (!sign('}')) {
        if (!key()) return at;
        open.push('}');
        continue;
      }
    } else if (sign('[')) {
      if (!sign(']')) {
        open.push(']');
        continue;
      }
    } else if (!skip(STRING) && !skip(SCALAR)) return at;
    while (open.length > 0 && sign(open[open.length - 1])) open.pop();
    if (open.length === 0) {
      skip(SPACE);
      return at === text.length ? undefined : at;
    }
    if (!sign(',')) return at;
    if (open[open.length - 1] === '}' && !key()) return at;
  }
}
