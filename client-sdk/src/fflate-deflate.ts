import { deflateSync, Inflate } from 'fflate';
import { joined, type Deflate } from './compression.js';

/** Bytes that are inflated at a time: they may become a thousand times as many before the bound is looked at. */
const pieceBytes = 512;

/** Raw deflate by fflate. */
export const fflateDeflate: Deflate = {
  deflate: (bytes) => deflateSync(bytes),
  inflate(bytes, most) {
    // The library takes it for an end.
    if (bytes.length === 0) throw new Error('no bytes');
    const chunks: Uint8Array[] = [];
    let length = 0;
    const inflater = new Inflate((chunk) => {
      // The library goes on with its buffer.
      chunks.push(chunk.slice());
      length += chunk.length;
    });
    let at = 0;
    do inflater.push(bytes.subarray(at, (at += pieceBytes)), at >= bytes.length);
    while (at < bytes.length && length <= most);
    return length <= most ? joined(chunks) : undefined;
  },
};
