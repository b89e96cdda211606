import { isIPv4, isIPv6 } from 'node:net';
import { limits } from 'godwit-schemas';
import { plainAddress } from './address.js';

/** What the beginning of a connection says about a PROXY protocol header. */
export type ProxyHeader =
  /** Not enough bytes to tell. */
  | { kind: 'more' }
  /** There is no header. */
  | { kind: 'none' }
  /** It begins like a header and is none. */
  | { kind: 'bad'; why: string }
  /** `length` bytes of header. `source` undefined: it names no address (LOCAL, UNKNOWN): the socket's own counts. */
  | { kind: 'header'; length: number; source: string | undefined };

/** A version 1 header with its line end is at most this long (PROXY protocol, section 2.1). */
const V1_BYTES = 107;

const V1_SIGNATURE = Buffer.from('PROXY ', 'latin1');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

const MORE: ProxyHeader = { kind: 'more' };
const NONE: ProxyHeader = { kind: 'none' };

/**
 * Reads a PROXY protocol header, version 1 or 2, from the first bytes of a connection.
 * Source: "The PROXY protocol, versions 1 & 2" (haproxy.org, doc/proxy-protocol.txt).
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, V2_SIGNATURE)) return bytes.length < 16 ? MORE : readVersion2(bytes);
  if (startsLike(bytes, V1_SIGNATURE)) return readVersion1(bytes);
  return NONE;
}

/** The bytes there are agree with the signature, as far as both go. */
function startsLike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

function readVersion1(bytes: Buffer): ProxyHeader {
  const lineEnd = bytes.subarray(0, V1_BYTES).indexOf('\r\n');
  if (lineEnd < 0) return bytes.length < V1_BYTES ? MORE : bad('a PROXY line that does not end');
  const length = lineEnd + 2;
  const words = bytes.toString('latin1', 0, lineEnd).split(' ');
  if (words[1] === 'UNKNOWN') return { kind: 'header', length, source: undefined };
  const [, family, source, destination, sourcePort, destinationPort] = words;
  const valid = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (!valid) return bad('a PROXY line of an unknown family');
  if (words.length !== 6 || !valid(source) || !valid(destination) || !isPort(sourcePort) || !isPort(destinationPort)) return bad('a PROXY line that is not well formed');
  return { kind: 'header', length, source: plainAddress(source) };
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

function readVersion2(bytes: Buffer): ProxyHeader {
  const command = bytes[12];
  if (command !== 0x20 && command !== 0x21) return bad('a PROXY header of an unknown version or command');
  const length = 16 + bytes.readUInt16BE(14);
  if (length > limits.proxyHeaderBytes.value) return bad('a PROXY header that is too long');
  if (bytes.length < length) return MORE;
  const local = command === 0x20;
  const family = bytes[13] >> 4;
  if (local || (family !== 1 && family !== 2)) return { kind: 'header', length, source: undefined };
  if (family === 1) {
    if (length < 16 + 12) return bad('a PROXY header without its IPv4 addresses');
    return { kind: 'header', length, source: bytes.subarray(16, 20).join('.') };
  }
  if (length < 16 + 36) return bad('a PROXY header without its IPv6 addresses');
  return { kind: 'header', length, source: plainAddress(ipv6(bytes.subarray(16, 32))) };
}

/** The canonical text of an IPv6 address (RFC 5952), as sockets show it; the URL parser writes it. */
function ipv6(bytes: Buffer): string {
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return `::ffff:${bytes.subarray(12).join('.')}`;
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function bad(why: string): ProxyHeader {
  return { kind: 'bad', why };
}
