import { BlockList, isIP } from 'node:net';

/** The load balancers whose word on a client's address is taken: single addresses and CIDR ranges. */
export class Proxies {
  private readonly ranges = new BlockList();

  /** @throws on anything that is not an IP address or a CIDR range. */
  constructor(readonly list: readonly string[]) {
    for (const item of list) this.add(item);
  }

  /** Whether the address (IPv4, IPv6, or IPv4 mapped into IPv6 as sockets show it) is one of them. */
  trusts(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.ranges.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }

  private add(item: string): void {
    const [address, bits, more] = item.split('/');
    const family = isIP(address);
    if (family === 0 || more !== undefined || (bits !== undefined && !/^[0-9]{1,3}$/.test(bits))) throw new RangeError(`not an address or a range: ${item}`);
    const type = family === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) this.ranges.addAddress(address, type);
    else this.ranges.addSubnet(address, Number(bits), type);
  }
}
