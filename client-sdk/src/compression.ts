/** Bodies up to this many bytes go as they are: there is little to gain. */
const smallest = 512;
/** A body may not become more than this: a few hundred bytes can say "a gigabyte of zeros". */
const mostInflated = 1024 * 1024;

/** Values of Sealed.compression. */
export const compression = { none: 0, deflate: 1 } as const;

/** Raw deflate (RFC 1951) of a library, where the platform has no streams for it. */
export interface Deflate {
  deflate(bytes: Uint8Array): Uint8Array;
  /** undefined: it would be more bytes than that. @throws when it is not what it should be */
  inflate(bytes: Uint8Array, most: number): Uint8Array | undefined;
}

let library: Deflate | undefined;

/** What the platform lacks is done by this from now on. */
export function deflateWith(deflate: Deflate): void {
  library = deflate;
}

/** The bytes deflated (RFC 1951), where that makes them fewer and it can be done here. */
export async function deflated(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  if (bytes.length <= smallest || bytes.length > mostInflated) return undefined;
  if (supported('CompressionStream')) return piped(bytes, new CompressionStream('deflate-raw'), bytes.length - 1);
  const fewer = library?.deflate(bytes);
  return fewer && fewer.length < bytes.length ? fewer : undefined;
}

/** Whether what came so can be read here. */
export function readable(how: number): boolean {
  return how === compression.none || (how === compression.deflate && (supported('DecompressionStream') || library !== undefined));
}

/** @throws when it is not what it should be, or more than 1 MiB. */
export async function inflated(bytes: Uint8Array): Promise<Uint8Array> {
  const whole = supported('DecompressionStream') ? await piped(bytes, new DecompressionStream('deflate-raw'), mostInflated) : library!.inflate(bytes, mostInflated);
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
  return joined(chunks);
}

export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
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
