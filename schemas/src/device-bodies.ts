// Tags and lengths are known to be good here: `readEnvelope` accepted the bytes.

/**
 * Parts a sender's Message in two: `aux` has the whole fields `device_bodies` and `preview`, which are not delivered
 * as they are, `kept` all others. The order within each is kept. Both are new memory.
 * @param buffer bytes that `readEnvelope` has accepted for [start, end).
 */
export function splitAux(buffer: Uint8Array, start: number, end: number): { kept: Uint8Array; aux: Uint8Array } {
  let auxSize = 0;
  for (let pos = start, next = 0; pos < end; pos = next) {
    next = fieldEnd(buffer, pos);
    if (isAux(buffer[pos])) auxSize += next - pos;
  }
  const aux = new Uint8Array(auxSize);
  const kept = new Uint8Array(end - start - auxSize);
  let auxAt = 0;
  let keptAt = 0;
  for (let pos = start, next = 0; pos < end; pos = next) {
    next = fieldEnd(buffer, pos);
    const field = buffer.subarray(pos, next);
    if (isAux(buffer[pos])) {
      aux.set(field, auxAt);
      auxAt += field.length;
    } else {
      kept.set(field, keptAt);
      keptAt += field.length;
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
  let foundStart = -1;
  let foundEnd = -1;
  for (let pos = 0, next = 0; pos < aux.length; pos = next) {
    next = fieldEnd(aux, pos);
    if (aux[pos] !== deviceBodiesTag) continue;
    let mine = clientId === '';
    let start = next;
    let end = next;
    // The entry is a message of its own: key (1) and value (2), in any order, the last of each counts.
    for (let part = valueStart, partEnd = 0; part < next; part = partEnd) {
      partEnd = fieldEnd(aux, part);
      if (aux[part] === 0x0a) {
        mine = equalsAscii(aux, valueStart, partEnd, clientId);
      } else {
        start = valueStart;
        end = partEnd;
      }
    }
    if (!mine) continue;
    foundStart = start;
    foundEnd = end;
  }
  return foundStart < 0 ? undefined : aux.subarray(foundStart, foundEnd);
}

/** What a push may carry of the message, a view of `aux`; undefined when the sender gave none. */
export function previewOf(aux: Uint8Array): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  for (let pos = 0, next = 0; pos < aux.length; pos = next) {
    next = fieldEnd(aux, pos);
    if (aux[pos] === previewTag) found = aux.subarray(valueStart, next);
  }
  return found;
}

const deviceBodiesTag = 0x1a;
const previewTag = 0x2a;

function isAux(tag: number): boolean {
  return tag === deviceBodiesTag || tag === previewTag;
}

function equalsAscii(buffer: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (buffer[start + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

// Where the value of the field that `fieldEnd` last looked at begins, behind its length. Nothing is allocated so.
let valueStart = 0;

/** The end of the field whose one-byte tag is at `pos`. Sets `valueStart`. */
function fieldEnd(buffer: Uint8Array, pos: number): number {
  valueStart = pos + 1;
  switch (buffer[pos] & 7) {
    case 1:
      return valueStart + 8;
    case 5:
      return valueStart + 4;
  }
  const lengthDelimited = (buffer[pos] & 7) === 2;
  let number = 0;
  let scale = 1;
  while (buffer[valueStart] >= 0x80) {
    number += (buffer[valueStart++] & 0x7f) * scale;
    scale *= 128;
  }
  number += buffer[valueStart++] * scale;
  return lengthDelimited ? valueStart + number : valueStart;
}
