import type { Duplex } from 'node:stream';
import { limits } from 'godwit-schemas';

const BUFFER_BYTES = 16 * 1024;
const POOL_BUFFERS = 256;
const pool: Buffer[] = [];

/**
 * What one connection is sent in one turn of the event loop: results, PUBACKs and deliveries are written one behind
 * the other into a buffer, which leaves in a single `write` (a system call costs as much as the rest of a message).
 * The buffer comes from a pool, and goes back only if the socket took all of it at once.
 */
export class Output {
  private buffer: Buffer | undefined;
  private used = 0;
  private dirty = false;

  /**
   * @param onDirty called once when there is something to flush
   * @param owner told when more waits unsent than a connection may have
   */
  constructor(private readonly stream: Duplex, private readonly onDirty: (output: Output) => void, private readonly owner: { overflow(): void }) {}

  /** Room for `bytes` bytes at `offset`; the caller writes them all, then calls `commit` with the new offset. */
  reserve(bytes: number): Buffer {
    if (this.buffer && this.used + bytes > this.buffer.length) this.write();
    if (!this.buffer) this.buffer = bytes <= BUFFER_BYTES ? (pool.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)) : Buffer.allocUnsafeSlow(bytes);
    if (!this.dirty) {
      this.dirty = true;
      this.onDirty(this);
    }
    return this.buffer;
  }

  get offset(): number {
    return this.used;
  }

  commit(offset: number): void {
    this.used = offset;
  }

  flush(): void {
    this.dirty = false;
    this.write();
  }

  private write(): void {
    const buffer = this.buffer;
    if (!buffer) return;
    const used = this.used;
    this.buffer = undefined;
    this.used = 0;
    if (used > 0 && !this.stream.destroyed && this.stream.writable) this.stream.write(used === buffer.length ? buffer : buffer.subarray(0, used));
    const unsent = this.stream.writableLength;
    if (unsent > limits.outgoingBytes.value) this.owner.overflow();
    if (unsent === 0 && buffer.length === BUFFER_BYTES && pool.length < POOL_BUFFERS) pool.push(buffer);
  }
}
