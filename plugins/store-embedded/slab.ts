/** A stretch of memory that journal records are gathered in, one behind the other; entries in memory are slices of it. */
export class Slab<Owner> {
  readonly buffer: Buffer;
  readonly view: DataView;
  /** Bytes of it that sealed records take. */
  used = 0;
  /** The last record in it, once that is durable. */
  lastLsn = 0;
  /** Who holds entries that lie in it. */
  readonly owners: Owner[] = [];

  constructor(bytes: number) {
    // Slow: an ArrayBuffer of its own, that goes when nobody holds an entry of it.
    this.buffer = Buffer.allocUnsafeSlow(bytes);
    this.view = new DataView(this.buffer.buffer, this.buffer.byteOffset, bytes);
  }
}
