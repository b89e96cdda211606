/**
 * A second reading of the rules of `readEnvelope`, written for plainness: every number is a BigInt, every field an
 * object. It knows nothing of the reader that it checks.
 */
export interface ReferenceEnvelope {
  id: Uint8Array;
  body: Uint8Array | undefined;
  expiresInS: bigint;
  flags: bigint;
  epoch: bigint;
  devicesRevision: bigint;
  auxFields: number;
}

type WireField = { number: bigint; type: bigint; value: bigint; bytes: Uint8Array; raw: Uint8Array; tagLength: number };

class Malformed extends Error {}

/** undefined: refused. */
export function referenceEnvelope(message: Uint8Array): ReferenceEnvelope | undefined {
  try {
    return read(message);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** The fields of a message, in order. Throws where the wire format is broken. */
export function wireFields(message: Uint8Array): WireField[] {
  const found: WireField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (shift > 63n || at >= message.length) throw new Malformed();
      const byte = BigInt(message[at++]);
      value |= (byte & 127n) << shift;
      if (byte < 128n) break;
    }
    if (value >= 2n ** 64n) throw new Malformed();
    return value;
  };
  const take = (count: bigint): Uint8Array => {
    if (count > BigInt(message.length - at)) throw new Malformed();
    const bytes = message.slice(at, at + Number(count));
    at += Number(count);
    return bytes;
  };
  while (at < message.length) {
    const start = at;
    const tag = varint();
    const tagLength = at - start;
    const field: Omit<WireField, 'raw'> = { number: tag >> 3n, type: tag & 7n, value: 0n, bytes: new Uint8Array(0), tagLength };
    if (field.type === 0n) field.value = varint();
    else if (field.type === 1n) field.bytes = take(8n);
    else if (field.type === 2n) field.bytes = take(varint());
    else if (field.type === 5n) field.bytes = take(4n);
    else throw new Malformed();
    found.push({ ...field, raw: message.slice(start, at) });
  }
  return found;
}

const typeOf = new Map<bigint, bigint>([[1n, 2n], [2n, 2n], [3n, 2n], [4n, 0n], [5n, 2n], [6n, 0n], [7n, 0n], [8n, 0n]]);

function read(message: Uint8Array): ReferenceEnvelope | undefined {
  const last = new Map<bigint, WireField>();
  let auxFields = 0;
  for (const field of wireFields(message)) {
    if (field.number < 1n || field.number > 9n || field.tagLength > 1) return undefined;
    if (field.number !== 9n && typeOf.get(field.number) !== field.type) return undefined;
    if (field.number === 1n && field.bytes.length !== 16) return undefined;
    if ([4n, 6n, 8n].includes(field.number) && field.value > 0xffff_ffffn) return undefined;
    if (field.number === 7n && field.value > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
    if (field.number === 3n && !goodEntry(field.bytes)) return undefined;
    if (field.number === 3n || field.number === 5n) auxFields++;
    last.set(field.number, field);
  }
  const id = last.get(1n)?.bytes;
  if (!id) return undefined;
  const number = (n: bigint): bigint => last.get(n)?.value ?? 0n;
  return { id, body: last.get(2n)?.bytes, expiresInS: number(4n), flags: number(6n), epoch: number(7n), devicesRevision: number(8n), auxFields };
}

function goodEntry(entry: Uint8Array): boolean {
  for (const part of wireFields(entry)) {
    if (part.type !== 2n || part.tagLength > 1) return false;
    if (part.number === 1n) {
      if (!isUtf8(part.bytes)) return false;
    } else if (part.number !== 2n) return false;
  }
  return true;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
