/** RFC 6455 frames as bytes, so that a test may also write wrong ones. */

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const FIN = 0x80;
const MASKED = 0x80;
/** Any mask will do; one that changes something shows that it is taken off. */
const MASK = Buffer.from([0x5a, 0x01, 0xff, 0x30]);

export interface FrameParts {
  /** The first byte: FIN, RSV bits and opcode. Default: a whole message. */
  first?: number;
  masked?: boolean;
  /** Says another length than the payload's. */
  length?: number;
}

/** A frame from a client. */
export function frame(opcode: number, payload: Uint8Array, { first = FIN | opcode, masked = true, length = payload.length }: FrameParts = {}): Buffer {
  const mask = masked ? MASKED : 0;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = first;
  if (length < 126) head[1] = mask | length;
  else if (length < 65_536) {
    head[1] = mask | 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = mask | 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return masked ? Buffer.concat([head, MASK, payload.map((byte, i) => byte ^ MASK[i & 3])]) : Buffer.concat([head, payload]);
}

/** The frames that a server sends, out of a stream of bytes. */
export class FrameReader {
  private rest: Buffer = Buffer.alloc(0);

  *read(chunk: Buffer): Generator<{ opcode: number; payload: Buffer }> {
    this.rest = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    for (;;) {
      const { rest } = this;
      if (rest.length < 2) return;
      const short = rest[1] & 127;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (rest.length < head) return;
      const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
      if (rest.length < head + length) return;
      this.rest = rest.subarray(head + length);
      yield { opcode: rest[0] & 15, payload: rest.subarray(head, head + length) };
    }
  }
}

/** The request that turns an HTTP connection into a WebSocket. */
export function upgradeRequest(path = '/mqtt', headers: Readonly<Record<string, string>> = {}): string {
  const all = { Host: 'localhost', Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Protocol': 'mqtt', ...headers };
  return `GET ${path} HTTP/1.1\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}
