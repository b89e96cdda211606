/** Bodies up to this many bytes go as they are: there is little to gain. */
const smallest = 512;
/** A body may not become more than this: a few hundred bytes can say "a gigabyte of zeros". */
const mostInflated = 1024 * 1024;

/** Values of Sealed.compression. */
export const compression = { none: 0, deflate: 1 } as const;

/** The bytes deflated (RFC 1951), where that makes them fewer and this platform can. */
export async function deflated(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  if (bytes.length <= smallest || bytes.length > mostInflated || !supported('CompressionStream')) return undefined;
  const fewer = await piped(bytes, new CompressionStream('deflate-raw'), bytes.length - 1);
  return fewer;
}

/** Whether what came so can be read here. */
export function readable(how: number): boolean {
  return how === compression.none || (how === compression.deflate && supported('DecompressionStream'));
}

/** @throws when it is not what it should be, or more than 1 MiB. */
export async function inflated(bytes: Uint8Array): Promise<Uint8Array> {
  const whole = await piped(bytes, new DecompressionStream('deflate-raw'), mostInflated);
  if (!whole) throw new Error(`it inflates to more than ${mostInflated} bytes`);
  return whole;
}

/** What comes out of a stream; undefined when it is more than that. */
async function piped(bytes: Uint8Array, through: CompressionStream | DecompressionStream, most: number): Promise<Uint8Array | undefined> {
  const source = new ReadableStream<BufferSource>({
    start(controller) {
      controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
      controller.close();
    },
  });
  const reader = source.pipeThrough(through).getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.length;
    if (length > most) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(next.value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

const known = new Map<string, boolean>();

/** Not every platform has the streams, and early ones lack raw deflate. */
function supported(name: 'CompressionStream' | 'DecompressionStream'): boolean {
  let has = known.get(name);
  if (has === undefined) known.set(name, (has = constructs(name)));
  return has;
}

function constructs(name: 'CompressionStream' | 'DecompressionStream'): boolean {
  if (typeof globalThis[name] !== 'function' || typeof ReadableStream !== 'function') return false;
  try {
    new globalThis[name]('deflate-raw');
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
