import { writeVarint } from 'godwit-schemas';

/** Steps that are kept, the newest one not among them. */
const MOST = 255;
const HEADER = 20;
/** What two varints take at most. */
const STEP_ROOM = 16;
const ROOM = 64;
const NOTHING = new Uint8Array(0);

/**
 * The steps (place, time) of a cursor that only rises, all but the newest, which whoever owns the cursor has anyway.
 * They lie packed, each as its difference from the one before, so that one more is some five bytes at the end and
 * nothing else is touched. When there are too many, each second one of the older half goes: the time told of its
 * places is then that of the step after it.
 */
export class Steps {
  count = 0;
  /** The last of them. */
  private seq = 0;
  private atMs = 0;
  private bytes: Uint8Array = NOTHING;
  private length = 0;

  /** @param seq above every place before */
  push(seq: number, atMs: number): void {
    if (this.count === MOST) this.thin();
    if (this.length + STEP_ROOM > this.bytes.length) {
      const grown = new Uint8Array(2 * this.length + ROOM);
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    // A clock that was set back must not make a difference below 0.
    const later = Math.max(atMs, this.atMs);
    this.length = writeVarint(this.bytes, writeVarint(this.bytes, this.length, seq - this.seq), later - this.atMs);
    this.seq = seq;
    this.atMs = later;
    this.count++;
  }

  /** Unix milliseconds of the first step that reached the place; undefined: none of these did. */
  reached(place: number): number | undefined {
    if (place > this.seq) return undefined;
    let found: number | undefined;
    this.each((seq, atMs) => {
      if (seq >= place) found ??= atMs;
    });
    return found;
  }

  /** Bytes of `write`. */
  get size(): number {
    return HEADER + this.length;
  }

  write(target: Buffer, at: number): number {
    target.writeUInt16LE(this.count, at);
    target.writeUInt16LE(this.length, at + 2);
    target.writeDoubleLE(this.seq, at + 4);
    target.writeDoubleLE(this.atMs, at + 12);
    target.set(this.bytes.subarray(0, this.length), at + HEADER);
    return at + HEADER + this.length;
  }

  /** @param bytes are held, and not written to */
  static read(bytes: Buffer, at: number): Steps {
    const steps = new Steps();
    steps.count = bytes.readUInt16LE(at);
    steps.length = bytes.readUInt16LE(at + 2);
    steps.seq = bytes.readDoubleLE(at + 4);
    steps.atMs = bytes.readDoubleLE(at + 12);
    steps.bytes = bytes.subarray(at + HEADER, at + HEADER + steps.length);
    return steps;
  }

  private thin(): void {
    const thinner = new Steps();
    thinner.bytes = new Uint8Array(this.bytes.length);
    let i = 0;
    this.each((seq, atMs) => {
      if (i >= MOST >> 1 || i % 2 === 1) thinner.push(seq, atMs);
      i++;
    });
    Object.assign(this, thinner);
  }

  private each(step: (seq: number, atMs: number) => void): void {
    let seq = 0;
    let atMs = 0;
    let value = 0;
    let scale = 1;
    let isTime = false;
    for (let at = 0; at < this.length; at++) {
      const byte = this.bytes[at];
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte >= 0x80) continue;
      if (isTime) step(seq, (atMs += value));
      else seq += value;
      isTime = !isTime;
      value = 0;
      scale = 1;
    }
  }
}
