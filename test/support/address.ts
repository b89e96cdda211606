import { makeToken } from '../../plugins/auth/token.js';

/** Where a server under test listens, and the secret that its tokens are signed with. */
export interface Address {
  readonly mqttPort: number;
  readonly httpPort: number;
  readonly secret: string;
  /** The server's clock, where it is steered: tokens are made by it. */
  readonly now?: () => number;
}

export interface TokenOptions {
  device?: string;
  admin?: boolean;
  phone?: string;
  days?: number;
}

export function tokenFor({ secret, now = Date.now }: Pick<Address, 'secret' | 'now'>, user: string, { days = 1, ...rest }: TokenOptions = {}): string {
  return makeToken({ secret, user, days, nowMs: now(), ...rest });
}
