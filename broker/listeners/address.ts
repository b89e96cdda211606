import { isIP, isIPv4 } from 'node:net';
import type { Proxies } from '../config/proxies.js';

/** An IPv4 address that a socket shows mapped into IPv6 (`::ffff:192.0.2.1`), in its own form; others as they are. */
export function plainAddress(address: string): string {
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : '';
  return isIPv4(mapped) ? mapped : address;
}

/**
 * The address of an HTTP client: the socket's, or, while that is a trusted proxy's, the one before it in
 * X-Forwarded-For, read from the right. What an untrusted address claims, or is no address, is not looked at.
 */
export function forwardedAddress(socketAddress: string, forwardedFor: string | undefined, proxies: Proxies): string {
  let address = plainAddress(socketAddress);
  if (forwardedFor === undefined) return address;
  for (const item of forwardedFor.split(',').reverse()) {
    if (!proxies.trusts(address)) break;
    const claimed = withoutPort(item.trim());
    if (isIP(claimed) === 0) break;
    address = plainAddress(claimed);
  }
  return address;
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(item: string): string {
  return /^\[(.+)\](?::\d+)?$/.exec(item)?.[1] ?? /^([\d.]+):\d+$/.exec(item)?.[1] ?? item;
}
