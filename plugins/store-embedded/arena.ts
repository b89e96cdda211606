/**
 * Memory for the values of one fill. LMDB's writer thread reads them until the commit, so it is given free as a whole;
 * one large piece, since each new one costs a native call for its address.
 */
export class Arena {
  private buffer = Buffer.allocUnsafeSlow(1024 * 1024);
  private used = 0;

  take(bytes: number): Buffer {
    // What was given out of the old one stays with LMDB until the commit.
    if (this.used + bytes > this.buffer.length) {
      this.buffer = Buffer.allocUnsafeSlow(Math.max(bytes, this.buffer.length));
      this.used = 0;
    }
    const piece = this.buffer.subarray(this.used, this.used + bytes);
    this.used += bytes;
    return piece;
  }

  /** The commit is over: all of it may be used again. */
  free(): void {
    this.used = 0;
  }
}
