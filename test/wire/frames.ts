/** Walks over what the server sends: counts its packets by type, and fails on what is none of its packets. */
export class FrameCounter {
  /** Packets by their type (2: CONNACK, 3: PUBLISH ...). */
  readonly counts = new Array<number>(16).fill(0);
  /** The return code of the CONNACK. */
  connack: number | undefined;
  /** The packet id of the last PUBACK. */
  puback = 0;
  private rest: Buffer = Buffer.alloc(0);

  /** @throws what is wrong with the server's bytes */
  add(chunk: Buffer): void {
    let data = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    for (;;) {
      const size = sizeOf(data);
      if (size === undefined || data.length < size) break;
      const type = data[0] >> 4;
      if (!FROM_SERVER.has(type)) throw new Error(`the server sent a packet of type ${type}: ${data.subarray(0, 40).toString('hex')}`);
      this.counts[type]++;
      if (type === 2) this.connack = data[3];
      if (type === 4) this.puback = data.readUInt16BE(2);
      data = data.subarray(size);
    }
    this.rest = data;
  }
}

const FROM_SERVER = new Set([2, 3, 4, 5, 6, 7, 9, 11, 13]);
const LARGEST = 200_000;

/** The size of the packet at the beginning, its header counted in; undefined: not known yet. */
function sizeOf(data: Buffer): number | undefined {
  let length = 0;
  for (let i = 1, scale = 1; i < data.length; i++, scale *= 128) {
    length += (data[i] & 127) * scale;
    if (i > 4 || length > LARGEST) throw new Error(`the server sent a packet of an impossible length: ${data.subarray(0, 10).toString('hex')}`);
    if (data[i] < 128) return 1 + i + length;
  }
  return undefined;
}
