import { isIPv4, isIPv6 } from 'node:net';

/**
 * What limits count an address by: an IPv4 address as it is, also where a socket shows it mapped into IPv6; of an IPv6
 * address its first 64 bits, because whoever has one has all the others of its network (RFC 6177).
 * Anything else is given back as it is.
 */
export function addressKey(address: string): string {
  if (isIPv4(address)) return address;
  const bare = address.split('%', 1)[0]; // without the zone of a link-local address
  if (!isIPv6(bare)) return address;
  const groups = ipv6Groups(bare);
  const mapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  if (mapped) return groups.slice(6).flatMap((group) => [group >> 8, group & 0xff]).join('.');
  return `${groups.slice(0, 4).map((group) => group.toString(16)).join(':')}::/64`;
}

/** The eight groups of a valid address (RFC 4291 2.2). */
function ipv6Groups(address: string): number[] {
  const [head, tail] = address.split('::').map((half) => (half === '' ? [] : half.split(':').flatMap(group)));
  return tail === undefined ? head : [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function group(text: string): number[] {
  if (!text.includes('.')) return [Number.parseInt(text, 16)];
  const [a, b, c, d] = text.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}
