import { GodwitError, type Code } from 'godwit-schemas';

const mark = 'godwit:error';

interface PackedError {
  name: string;
  message: string;
  /** Of a GodwitError. */
  code?: Code;
  retryAfterMs?: number;
}

const builtIn: ReadonlyMap<string, new (message: string) => Error> = new Map([['TypeError', TypeError], ['RangeError', RangeError], ['SyntaxError', SyntaxError]]);

/**
 * A value as the structured clone takes it, with what that would lose: an error's class and code. Bytes that are a view
 * into something larger are copied, as all of it would be cloned with them.
 */
export function pack(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.byteLength === value.buffer.byteLength ? value : value.slice();
  if (value instanceof GodwitError) {
    const { name, message, code, retryAfterMs } = value;
    return { [mark]: { name, message, code, retryAfterMs } satisfies PackedError };
  }
  if (value instanceof Error) return { [mark]: { name: value.name, message: value.message } satisfies PackedError };
  return within(value, pack);
}

/** The value that was packed. */
export function unpack(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, mark)) {
    const { name, message, code, retryAfterMs } = (value as { [mark]: PackedError })[mark];
    if (code !== undefined) return new GodwitError(code, message, retryAfterMs);
    return Object.assign(new (builtIn.get(name) ?? Error)(message), { name });
  }
  return within(value, unpack);
}

function within(value: unknown, change: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(change);
  if (typeof value !== 'object' || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, change(one)]));
}
