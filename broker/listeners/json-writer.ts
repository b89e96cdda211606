import { fromBinary, toJson } from 'godwit-schemas';
import type { DescMessage } from '@bufbuild/protobuf';
import { Kind, planOf, type FieldPlan, type MessagePlan } from './json-plan.js';

/**
 * ProtoJSON of an encoded message: the bytes that `JSON.stringify(toJson(fromBinary(…)))` gives, written from the bytes
 * themselves, without an object for each message and field between. What is seldom or never in an answer (maps, floats,
 * negative numbers, a message in two parts) is left to the runtime. @throws if the bytes are no such message
 */
export function writeProtoJson(schema: DescMessage, bytes: Uint8Array): Buffer {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const writer = new JsonWriter(source);
  if (writer.message(planOf(schema), 0, source.length)) return writer.written;
  return Buffer.from(JSON.stringify(toJson(schema, fromBinary(schema, bytes))));
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BASE64 = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const PAD = 0x3d;
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Not read: the bytes end too early, or the number is beyond 2^53. */
const UNREAD = -1;

/** Where the fields of the messages that are being written begin, one message behind the other; 0: absent. */
const places = new Float64Array(1024);
let used = 0;

/** One message at a time: it runs without a pause. */
class JsonWriter {
  private out: Buffer;
  private end = 0;
  /** Behind the number that was read last. */
  private next = 0;

  constructor(private readonly source: Buffer) {
    // Base64 takes a third more, names and quotes about as much again.
    this.out = Buffer.allocUnsafeSlow(2 * source.length + 256);
    used = 0;
  }

  get written(): Buffer {
    return this.out.subarray(0, this.end);
  }

  /** Writes the message that lies in [start, end). False: it holds what is not written here. */
  message(plan: MessagePlan, start: number, end: number): boolean {
    const { fields } = plan;
    const base = used;
    used += fields.length;
    if (used > places.length) return false;
    places.fill(0, base, used);
    if (!this.find(plan, base, start, end)) return false;
    this.room(2);
    this.out[this.end++] = 0x7b;
    let any = false;
    for (let i = 0; i < fields.length; i++) {
      if (places[base + i] === 0) continue;
      const before = this.end;
      if (any) this.byte(COMMA);
      this.raw(fields[i].key);
      const wrote = fields[i].repeated ? this.list(fields[i], places[base + i] - 1, end) : this.value(fields[i], places[base + i] - 1);
      if (wrote === undefined) return false;
      if (wrote) any = true;
      else this.end = before;
    }
    used = base;
    this.byte(0x7d);
    return true;
  }

  /** Notes where each field's value begins (plus 1): of a repeated one the first, else the last. */
  private find({ fields, byNumber }: MessagePlan, base: number, start: number, end: number): boolean {
    for (let at = start; at < end; at = this.next) {
      const tag = this.varint(at);
      if (tag === UNREAD) return false;
      const value = this.next;
      if (!this.skip(tag & 7, value) || this.next > end) return false;
      const index = byNumber[Math.floor(tag / 8)];
      if (index === undefined) continue;
      const { tag: expected, kind, repeated, rivals } = fields[index];
      if (kind === Kind.Other || tag !== expected) return false;
      const known = places[base + index] !== 0;
      // One message in two parts is one: they would have to be merged.
      if (known && kind === Kind.Message && !repeated) return false;
      if (!known || !repeated) places[base + index] = value + 1;
      for (let i = 0; i < rivals.length; i++) places[base + rivals[i]] = 0;
    }
    return this.next === end || start === end;
  }

  /** The values of a repeated field, from the first on; true, as there is one. */
  private list(field: FieldPlan, first: number, end: number): boolean | undefined {
    this.byte(0x5b);
    for (let at = first, more = false; ; more = true) {
      if (more) this.byte(COMMA);
      if (this.value(field, at, true) === undefined) return undefined;
      // On to the next of its kind.
      this.skip(2, at);
      for (;;) {
        if (this.next >= end) {
          this.byte(0x5d);
          return true;
        }
        const tag = this.varint(this.next);
        at = this.next;
        if (tag === field.tag) break;
        this.skip(tag & 7, at);
      }
    }
  }

  /** False: it is the zero value, which is left out. undefined: it is not written here. */
  private value({ kind, explicit, message, names }: FieldPlan, at: number, always = explicit): boolean | undefined {
    const number = this.varint(at);
    const start = this.next;
    if (number === UNREAD) return undefined;
    if (number === 0 && !always) return false;
    switch (kind) {
      case Kind.Uint32:
        if (number > 0xffff_ffff) return undefined;
        this.digits(number);
        return true;
      case Kind.Uint64:
        this.byte(QUOTE);
        this.digits(number);
        this.byte(QUOTE);
        return true;
      case Kind.Bool:
        this.raw(number === 0 ? FALSE : TRUE);
        return true;
      case Kind.Enum: {
        const name = names.get(number);
        if (!name) return undefined;
        this.raw(name);
        return true;
      }
      case Kind.String:
        this.text(start, start + number);
        return true;
      case Kind.Bytes:
        this.base64(start, start + number);
        return true;
      case Kind.Message:
        return this.message(message!, start, start + number) || undefined;
      default:
        return undefined;
    }
  }

  private varint(at: number): number {
    const { source } = this;
    let byte = source[at];
    if (byte < 0x80) {
      this.next = at + 1;
      return byte;
    }
    let value = 0;
    for (let scale = 1; at < source.length; scale *= 128) {
      byte = source[at++];
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) return UNREAD;
      if (byte < 0x80) {
        this.next = at;
        return value;
      }
    }
    return UNREAD;
  }

  /** Sets `next` behind the value. False: it ends too early, or is of another wire type than there are here. */
  private skip(wireType: number, at: number): boolean {
    const number = wireType === 0 || wireType === 2 ? this.varint(at) : UNREAD;
    if (number === UNREAD) return false;
    if (wireType === 2) this.next += number;
    return this.next <= this.source.length;
  }

  private room(bytes: number): void {
    if (this.end + bytes <= this.out.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.out.length + bytes));
    this.out.copy(larger, 0, 0, this.end);
    this.out = larger;
  }

  private byte(value: number): void {
    this.room(1);
    this.out[this.end++] = value;
  }

  private raw(bytes: Buffer): void {
    this.room(bytes.length);
    const { out } = this;
    let at = this.end;
    for (let i = 0; i < bytes.length; i++) out[at++] = bytes[i];
    this.end = at;
  }

  private digits(value: number): void {
    let count = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) count++;
    this.room(count);
    let rest = value;
    for (let at = this.end + count - 1; at >= this.end; at--) {
      const tens = Math.floor(rest / 10);
      this.out[at] = 0x30 + (rest - tens * 10);
      rest = tens;
    }
    this.end += count;
  }

  /** Plain ASCII as it lies there; anything else as JSON.stringify writes it. */
  private text(start: number, end: number): void {
    this.room(end - start + 2);
    const { source, out } = this;
    let to = this.end;
    out[to++] = QUOTE;
    for (let at = start; at < end; at++) {
      const byte = source[at];
      if (byte < 0x20 || byte >= 0x7f || byte === QUOTE || byte === 0x5c) return this.raw(Buffer.from(JSON.stringify(utf8.decode(source.subarray(start, end)))));
      out[to++] = byte;
    }
    out[to++] = QUOTE;
    this.end = to;
  }

  private base64(start: number, end: number): void {
    this.room(4 * Math.ceil((end - start) / 3) + 2);
    const { source, out } = this;
    let to = this.end;
    out[to++] = QUOTE;
    let at = start;
    for (; at + 2 < end; at += 3) {
      const three = (source[at] << 16) | (source[at + 1] << 8) | source[at + 2];
      out[to++] = BASE64[three >> 18];
      out[to++] = BASE64[(three >> 12) & 63];
      out[to++] = BASE64[(three >> 6) & 63];
      out[to++] = BASE64[three & 63];
    }
    if (at < end) {
      const two = (source[at] << 8) | (at + 1 < end ? source[at + 1] : 0);
      out[to++] = BASE64[two >> 10];
      out[to++] = BASE64[(two >> 4) & 63];
      out[to++] = at + 1 < end ? BASE64[(two << 2) & 63] : PAD;
      out[to++] = PAD;
    }
    out[to++] = QUOTE;
    this.end = to;
  }
}
