/**
 * What the server reads of a sender's encoded Message: one walk over its fields, no allocation.
 * One `Envelope` is filled again and again.
 */
export class Envelope {
  /** Where the 16 bytes of the id begin; -1 when there is none. */
  idStart = -1;
  /** [bodyStart, bodyEnd) is the body; -1 when there is none. */
  bodyStart = -1;
  bodyEnd = -1;
  /** Seconds; 0 = never. */
  expiresInS = 0;
  flags = 0;
  epoch = 0;
  devicesRevision = 0;
  /** How many fields are `device_bodies` entries or `preview`: 0 = the message is stored as it came. */
  auxFields = 0;
  /** Why it was refused, for people; empty when it was not. */
  error = '';
}

/** Bits of Message.flags. */
export const Flag = {
  /** No push, not counted as unread: a reaction, an edit. */
  silent: 1,
  /** The body is plain bytes without a content schema. */
  bare: 2,
  /** Changes the encryption epoch; appended only if `epoch` equals the log's. */
  commit: 4,
  /** The body is held elsewhere, by media reference. */
  mediaBody: 8,
} as const;

// Where the last varint ended; -1 when it was bad. In module scope so that reading one allocates nothing.
let at = 0;

/**
 * Reads the sender's fields of [start, end) into `into`, by the rules of the protobuf wire format: fields in any
 * order, the last of a repeated one counts, numbers in any length up to ten bytes.
 *
 * Stricter than a protobuf library in what the server would otherwise store for others to stumble over: false, with
 * `error` set, for a field outside 1-9 or a padded tag, a wrong wire type, a truncated field, an id that is missing
 * or not 16 bytes, a number that does not fit (uint32; 2^53 - 1 for the epoch), and a `device_bodies` entry with
 * anything but a UTF-8 key and a value. Field 9, not yet in use, is passed over. Never throws.
 */
export function readEnvelope(buffer: Uint8Array, start: number, end: number, into: Envelope): boolean {
  into.idStart = -1;
  into.bodyStart = -1;
  into.bodyEnd = -1;
  into.expiresInS = 0;
  into.flags = 0;
  into.epoch = 0;
  into.devicesRevision = 0;
  into.auxFields = 0;
  into.error = '';
  let pos = start;
  while (pos < end) {
    const tag = buffer[pos++];
    switch (tag) {
      case 0x0a: // id
      case 0x12: // body
      case 0x1a: // device_bodies
      case 0x2a: // preview
      case 0x4a: {
        const length = readVarint(buffer, pos, end);
        if (at < 0) return refuse(into, 'bad length');
        pos = at;
        const next = pos + length;
        if (next > end) return refuse(into, 'truncated');
        if (tag === 0x12) {
          into.bodyStart = pos;
          into.bodyEnd = next;
        } else if (tag === 0x0a) {
          if (length !== 16) return refuse(into, 'id is not 16 bytes');
          into.idStart = pos;
        } else if (tag === 0x1a) {
          if (!validMapEntry(buffer, pos, next)) return refuse(into, 'bad device_bodies entry');
          into.auxFields++;
        } else if (tag === 0x2a) {
          into.auxFields++;
        }
        pos = next;
        break;
      }
      case 0x20: // expires_in_s
      case 0x30: // flags
      case 0x38: // epoch
      case 0x40: // devices_revision
      case 0x48: {
        const value = readVarint(buffer, pos, end);
        if (at < 0) return refuse(into, 'bad number');
        pos = at;
        if (tag === 0x48) break;
        if (tag === 0x38) {
          if (value > Number.MAX_SAFE_INTEGER) return refuse(into, 'epoch does not fit');
          into.epoch = value;
          break;
        }
        if (value > 0xffff_ffff) return refuse(into, 'number does not fit');
        if (tag === 0x20) into.expiresInS = value;
        else if (tag === 0x30) into.flags = value;
        else into.devicesRevision = value;
        break;
      }
      case 0x49: // field 9, fixed 64
      case 0x4d: // field 9, fixed 32
        pos += tag === 0x49 ? 8 : 4;
        if (pos > end) return refuse(into, 'truncated');
        break;
      default:
        return refuse(into, 'a field that is not the sender\'s, or of the wrong type');
    }
  }
  return into.idStart >= 0 || refuse(into, 'no id');
}

function refuse(into: Envelope, error: string): false {
  into.error = error;
  return false;
}

/** A varint of at most ten bytes, exact up to 2^53 (larger values stay larger than 2^53). Sets `at`. */
function readVarint(buffer: Uint8Array, pos: number, end: number): number {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10 && pos < end; i++) {
    const byte = buffer[pos++];
    if (byte < 0x80) {
      // The tenth byte holds bit 63 alone.
      at = i === 9 && byte > 1 ? -1 : pos;
      return value + byte * scale;
    }
    value += (byte & 0x7f) * scale;
    scale *= 128;
  }
  at = -1;
  return 0;
}

function validMapEntry(buffer: Uint8Array, start: number, end: number): boolean {
  let pos = start;
  while (pos < end) {
    const tag = buffer[pos++];
    if (tag !== 0x0a && tag !== 0x12) return false;
    const length = readVarint(buffer, pos, end);
    if (at < 0 || at + length > end) return false;
    pos = at;
    if (tag === 0x0a && !validUtf8(buffer, pos, pos + length)) return false;
    pos += length;
  }
  return true;
}

/** Whether [start, end) is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
export function validUtf8(buffer: Uint8Array, start: number, end: number): boolean {
  let pos = start;
  while (pos < end) {
    const first = buffer[pos++];
    if (first < 0x80) continue;
    // The bounds of the second byte are what rules out overlong forms, surrogates and the end of Unicode.
    let low = 0x80;
    let high = 0xbf;
    let more: number;
    if (first < 0xc2) return false;
    else if (first < 0xe0) more = 1;
    else if (first < 0xf0) {
      more = 2;
      if (first === 0xe0) low = 0xa0;
      else if (first === 0xed) high = 0x9f;
    } else if (first < 0xf5) {
      more = 3;
      if (first === 0xf0) low = 0x90;
      else if (first === 0xf4) high = 0x8f;
    } else return false;
    if (pos + more > end) return false;
    const second = buffer[pos++];
    if (second < low || second > high) return false;
    for (; more > 1; more--) {
      if ((buffer[pos++] & 0xc0) !== 0x80) return false;
    }
  }
  return true;
}
