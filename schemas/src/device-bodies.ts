/** Fields of bytes that `readEnvelope` has accepted: tags are one byte, lengths are good. */
interface Field {
  tag: number;
  /** Where its tag is. */
  start: number;
  /** Where its value is; of a length-delimited field after the length. */
  value: number;
  end: number;
}

/**
 * Parts a sender's Message in two: `aux` has the whole fields `device_bodies` and `preview`, which are not delivered
 * as they are, `kept` all others. The order within each is kept. Both are new memory.
 * @param buffer bytes that `readEnvelope` has accepted for [start, end).
 */
export function splitAux(buffer: Uint8Array, start: number, end: number): { kept: Uint8Array; aux: Uint8Array } {
  let auxSize = 0;
  for (const field of fields(buffer, start, end)) {
    if (isAux(field.tag)) auxSize += field.end - field.start;
  }
  const aux = new Uint8Array(auxSize);
  const kept = new Uint8Array(end - start - auxSize);
  let auxAt = 0;
  let keptAt = 0;
  for (const field of fields(buffer, start, end)) {
    const bytes = buffer.subarray(field.start, field.end);
    if (isAux(field.tag)) {
      aux.set(bytes, auxAt);
      auxAt += bytes.length;
    } else {
      kept.set(bytes, keptAt);
      keptAt += bytes.length;
    }
  }
  return { kept, aux };
}

/**
 * The body made for one device, a view of `aux`; undefined when there is none. Of two for one device the later counts.
 * @param aux what `splitAux` gave.
 * @param clientId `<user>:<device>`.
 */
export function deviceBody(aux: Uint8Array, clientId: string): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  for (const entry of fields(aux, 0, aux.length)) {
    if (entry.tag !== 0x1a) continue;
    let mine = clientId === '';
    let value = aux.subarray(entry.end, entry.end);
    for (const part of fields(aux, entry.value, entry.end)) {
      if (part.tag === 0x0a) mine = equalsAscii(aux, part.value, part.end, clientId);
      else value = aux.subarray(part.value, part.end);
    }
    if (mine) found = value;
  }
  return found;
}

/** What a push may carry of the message, a view of `aux`; undefined when the sender gave none. */
export function previewOf(aux: Uint8Array): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  for (const field of fields(aux, 0, aux.length)) {
    if (field.tag === 0x2a) found = aux.subarray(field.value, field.end);
  }
  return found;
}

function isAux(tag: number): boolean {
  return tag === 0x1a || tag === 0x2a;
}

function equalsAscii(buffer: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (buffer[start + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

function* fields(buffer: Uint8Array, start: number, end: number): Generator<Field> {
  let pos = start;
  while (pos < end) {
    const field: Field = { tag: buffer[pos], start: pos, value: pos + 1, end: pos + 1 };
    const wireType = field.tag & 7;
    if (wireType === 1) field.end += 8;
    else if (wireType === 5) field.end += 4;
    else {
      let number = 0;
      let scale = 1;
      while (buffer[field.end] >= 0x80) {
        number += (buffer[field.end++] & 0x7f) * scale;
        scale *= 128;
      }
      number += buffer[field.end++] * scale;
      if (wireType === 2) {
        field.value = field.end;
        field.end += number;
      }
    }
    pos = field.end;
    yield field;
  }
}
